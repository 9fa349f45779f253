// The keyboard controller. Kernels use it for what it does besides keys: the A20 gate and resetting the machine.
namespace Runtime.Devices;

/// <summary>An 8042 with keyboard and mouse. Data is offset 0 of <see cref="DataPort"/> (60h), command and status of
/// <see cref="CommandPort"/> (64h).</summary>
public sealed class I8042
{
    private const byte OutputFull = 0x01, SystemFlag = 0x04, LastWasCommand = 0x08, Unlocked = 0x10, MouseOutputFull = 0x20;
    private const byte KeyboardInterrupt = 0x01, MouseInterrupt = 0x02, KeyboardDisabled = 0x10, MouseDisabled = 0x20, Translate = 0x40;
    private const int QueueLength = 32;

    private readonly InterruptLine _keyboardLine;
    private readonly InterruptLine _mouseLine;
    private readonly A20Gate _a20;
    private readonly IPowerControl _power;
    private readonly IDeviceTrace _trace;
    private readonly Ps2Device _keyboard = Ps2Device.Keyboard();
    private readonly Ps2Device _mouse = Ps2Device.Mouse();
    private readonly Queue<(byte Value, bool IsMouse)> _output = new();
    private readonly byte[] _ram = new byte[32];
    private byte _lastRead;
    private byte _argumentOf;
    private bool _lastWasCommand;

    public I8042(InterruptLine keyboardLine, InterruptLine mouseLine, A20Gate a20, IPowerControl power, IDeviceTrace trace)
    {
        _keyboardLine = keyboardLine;
        _mouseLine = mouseLine;
        _a20 = a20;
        _power = power;
        _trace = trace;
        CommandByte = SystemFlag | KeyboardInterrupt | MouseDisabled | Translate; // as a BIOS leaves it
        DataPort = new Port(ReadData, WriteData);
        CommandPort = new Port(ReadStatus, WriteCommand);
    }

    public IPortDevice DataPort { get; }

    public IPortDevice CommandPort { get; }

    /// <summary>RAM byte 0.</summary>
    private byte CommandByte
    {
        get => _ram[0];
        set => _ram[0] = value;
    }

    private byte OutputPort => (byte)(1 | (_a20.IsOpen ? 2 : 0) | (_keyboardLine.IsHigh ? 0x10 : 0) | (_mouseLine.IsHigh ? 0x20 : 0));

    private byte ReadData()
    {
        if (_output.TryDequeue(out (byte Value, bool IsMouse) next))
        {
            _lastRead = next.Value;

            // Each byte makes its own edge.
            _keyboardLine.Set(false);
            _mouseLine.Set(false);
            UpdateLines();
        }

        return _lastRead;
    }

    private byte ReadStatus()
    {
        bool isMouse = _output.TryPeek(out (byte Value, bool IsMouse) next) && next.IsMouse;
        return (byte)(Unlocked | CommandByte & SystemFlag | (_output.Count > 0 ? OutputFull : 0) | (isMouse ? MouseOutputFull : 0)
            | (_lastWasCommand ? LastWasCommand : 0));
    }

    private void WriteData(byte value)
    {
        _lastWasCommand = false;
        byte command = _argumentOf;
        _argumentOf = 0;
        switch (command)
        {
            case >= 0x60 and <= 0x7F:
                _ram[command & 0x1F] = value;
                break;
            case 0xD1:
                WriteOutputPort(value);
                break;
            case 0xD2:
                Send(value, isMouse: false);
                break;
            case 0xD3:
                Send(value, isMouse: true);
                break;
            case 0xD4:
                CommandByte &= unchecked((byte)~MouseDisabled);
                SendAll(_mouse.Answer(value), isMouse: true);
                break;
            default:
                CommandByte &= unchecked((byte)~KeyboardDisabled); // a byte for the keyboard opens its clock
                SendAll(Translated(_keyboard.Answer(value)), isMouse: false);
                break;
        }

        UpdateLines();
    }

    private void WriteCommand(byte command)
    {
        _lastWasCommand = true;
        _argumentOf = 0;
        switch (command)
        {
            case >= 0x20 and <= 0x3F:
                Send(_ram[command & 0x1F], isMouse: false);
                break;
            case >= 0x60 and <= 0x7F or >= 0xD1 and <= 0xD4:
                _argumentOf = command;
                break;
            case 0xA7:
                CommandByte |= MouseDisabled;
                break;
            case 0xA8:
                CommandByte &= unchecked((byte)~MouseDisabled);
                break;
            case 0xA9 or 0xAB:
                Send(0x00, isMouse: false); // interface test passed
                break;
            case 0xAA:
                CommandByte |= SystemFlag;
                Send(0x55, isMouse: false); // self test passed
                break;
            case 0xAD:
                CommandByte |= KeyboardDisabled;
                break;
            case 0xAE:
                CommandByte &= unchecked((byte)~KeyboardDisabled);
                break;
            case 0xC0:
                Send(0x80, isMouse: false); // input port: keyboard not locked
                break;
            case 0xD0:
                Send(OutputPort, isMouse: false);
                break;
            case 0xDD or 0xDF:
                _a20.IsOpen = command == 0xDF;
                break;
            case >= 0xF0:
                PulseOutputPort(command);
                break;
            default:
                _trace.UnknownWrite("8042 command", 0, 1, command);
                break;
        }

        UpdateLines();
    }

    /// <summary>Commands F0h-FFh pull those output port bits low that are zero in their low nibble; bit 0 is the processor's reset.</summary>
    private void PulseOutputPort(byte command)
    {
        if ((command & 1) == 0)
        {
            _power.Reset("8042");
        }
    }

    private void WriteOutputPort(byte value)
    {
        _a20.IsOpen = (value & 2) != 0;
        if ((value & 1) == 0)
        {
            _power.Reset("8042");
        }
    }

    /// <summary>Translation to scan code set 1 strikes the keyboard's answers too; of those only the identity's second byte is a code of set 2.</summary>
    private byte[] Translated(byte[] answer)
        => (CommandByte & Translate) == 0 ? answer : [.. answer.Select(value => value == 0x83 ? (byte)0x41 : value)];

    private void SendAll(byte[] values, bool isMouse)
    {
        foreach (byte value in values)
        {
            Send(value, isMouse);
        }
    }

    private void Send(byte value, bool isMouse)
    {
        if (_output.Count < QueueLength)
        {
            _output.Enqueue((value, isMouse));
        }
    }

    private void UpdateLines()
    {
        bool hasOutput = _output.TryPeek(out (byte Value, bool IsMouse) next);
        _keyboardLine.Set(hasOutput && !next.IsMouse && (CommandByte & KeyboardInterrupt) != 0);
        _mouseLine.Set(hasOutput && next.IsMouse && (CommandByte & MouseInterrupt) != 0);
    }

    private sealed class Port(Func<byte> read, Action<byte> write) : IPortDevice
    {
        public uint Read(int offset, int size) => read();

        public void Write(int offset, int size, uint value) => write((byte)value);
    }
}
