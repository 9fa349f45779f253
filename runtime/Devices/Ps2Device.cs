namespace Runtime.Devices;

/// <summary>A PS/2 keyboard or mouse that nobody touches: it answers commands and sends nothing by itself.</summary>
/// <param name="afterReset">What follows the acknowledge of a reset: the self-test result and what identifies the device.</param>
/// <param name="identity">Answer to the identify command.</param>
/// <param name="argumentCommands">Commands that are followed by one byte.</param>
internal sealed class Ps2Device(byte[] afterReset, byte[] identity, byte[] argumentCommands)
{
    private const byte Acknowledge = 0xFA, Reset = 0xFF, Resend = 0xFE, Identify = 0xF2, Echo = 0xEE, StatusRequest = 0xE9;
    private bool _expectsArgument;
    private byte _lastSent;

    public static Ps2Device Keyboard() => new([0xAA], [0xAB, 0x83], [0xED, 0xF0, 0xF3, 0xFB, 0xFC, 0xFD]);

    public static Ps2Device Mouse() => new([0xAA, 0x00], [0x00], [0xE8, 0xF3]);

    /// <summary>The bytes that the device sends in answer to one byte from the host.</summary>
    public byte[] Answer(byte value)
    {
        byte[] answer = Respond(value);
        _lastSent = answer[^1];
        return answer;
    }

    private byte[] Respond(byte value)
    {
        if (_expectsArgument)
        {
            _expectsArgument = false;
            return [Acknowledge];
        }

        _expectsArgument = argumentCommands.Contains(value);
        return value switch
        {
            Reset => [Acknowledge, .. afterReset],
            Resend => [_lastSent],
            Identify => [Acknowledge, .. identity],
            Echo when afterReset.Length == 1 => [Echo],
            StatusRequest when afterReset.Length == 2 => [Acknowledge, 0x00, 0x02, 0x64],
            _ => [Acknowledge],
        };
    }
}
