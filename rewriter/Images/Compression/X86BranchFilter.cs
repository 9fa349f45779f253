// The x86 BCJ filter: compressors turn the relative operands of CALL and JMP into absolute ones; this turns them back (xz:
// src/liblzma/simple/x86.c).
namespace Rewriter.Images.Compression;

/// <summary>Undoes xz's x86 branch filter in place.</summary>
public static class X86BranchFilter
{
    // Which of the last three bytes looked like the high byte of an operand decides whether an opcode in their shadow was converted.
    static ReadOnlySpan<bool> IsAllowed => [true, true, true, false, true, false, false, false];
    static ReadOnlySpan<byte> BitNumber => [0, 1, 2, 2, 3, 3, 3, 3];

    /// <param name="bytes">The whole stream: positions count from its first byte.</param>
    public static void Decode(Span<byte> bytes)
    {
        if (bytes.Length < 5)
        {
            return;
        }

        int limit = bytes.Length - 5;
        int previousMask = 0;
        int previousPosition = -1;
        for (int i = 0; i <= limit; i++)
        {
            int skip = bytes[i..(limit + 1)].IndexOfAny((byte)0xE8, (byte)0xE9);
            if (skip < 0)
            {
                return;
            }

            i += skip;
            int distance = i - previousPosition;
            previousPosition = i;
            if (distance > 3)
            {
                previousMask = 0;
            }
            else
            {
                previousMask = (previousMask << (distance - 1)) & 7;
                if (previousMask != 0)
                {
                    byte shadow = bytes[i + 4 - BitNumber[previousMask]];
                    if (!IsAllowed[previousMask] || IsHighByte(shadow))
                    {
                        previousMask = (previousMask << 1) | 1;
                        continue;
                    }
                }
            }

            if (!IsHighByte(bytes[i + 4]))
            {
                previousMask = (previousMask << 1) | 1;
                continue;
            }

            Convert(bytes.Slice(i + 1, 4), (uint)i + 5, previousMask);
            i += 4;
            previousMask = 0;
        }
    }

    static void Convert(Span<byte> operand, uint next, int previousMask)
    {
        uint value = System.Buffers.Binary.BinaryPrimitives.ReadUInt32LittleEndian(operand);
        uint result;
        while (true)
        {
            result = value - next;
            if (previousMask == 0)
            {
                break;
            }

            int shift = BitNumber[previousMask] * 8;
            if (!IsHighByte((byte)(result >> (24 - shift))))
            {
                break;
            }

            value = result ^ ((1u << (32 - shift)) - 1);
        }

        // The high byte is a sign byte: all of bit 24.
        result = (result & 0x00FF_FFFF) | ((result & 0x0100_0000) != 0 ? 0xFF00_0000 : 0);
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32LittleEndian(operand, result);
    }

    static bool IsHighByte(byte value) => value is 0 or 0xFF;
}
