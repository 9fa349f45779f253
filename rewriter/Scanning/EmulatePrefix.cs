// How code that was rewritten ahead of time asks for an instruction to be performed, wherever it is loaded and whatever runs it: Xen's
// forced emulation prefix (XEN_EMULATE_PREFIX, public/arch-x86/xen.h), UD2 and the letters "xen", followed by the instruction itself.
using Iced.Intel;

namespace Rewriter.Scanning;

/// <summary>Reads instructions that carry the prefix. Where no monitor looks after it the prefix raises #UD, never the wrong
/// result.</summary>
public static class EmulatePrefix
{
    /// <summary>ud2; "xen".</summary>
    public static ReadOnlySpan<byte> Bytes => [0x0F, 0x0B, 0x78, 0x65, 0x6E];

    public const int Length = 5;

    /// <summary>Decodes a prefixed sensitive instruction as one instruction: at <paramref name="ip"/>, as long as both.</summary>
    /// <param name="bytes">From the prefix on.</param>
    public static bool TryDecode(ReadOnlySpan<byte> bytes, ulong ip, out Instruction instruction)
    {
        instruction = default;
        if (!bytes.StartsWith(Bytes) || bytes.Length == Length)
        {
            return false;
        }

        Decoder decoder = Decoder.Create(32, new ByteArrayCodeReader(bytes[Length..].ToArray()), ip + Length);
        decoder.Decode(out instruction);
        if (decoder.LastError != DecoderError.None || !SensitivityTable.IsSensitive(instruction.Code))
        {
            return false;
        }

        instruction.Length += Length;
        instruction.NextIP = ip + (ulong)instruction.Length;
        return true;
    }
}
