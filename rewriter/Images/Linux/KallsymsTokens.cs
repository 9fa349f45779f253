using System.Buffers.Binary;
using System.Text;

namespace Rewriter.Images.Linux;

/// <summary>kallsyms_token_table and kallsyms_token_index: 256 strings, and where each begins.</summary>
/// <param name="Table">Offset of the first string in its section.</param>
/// <param name="Index">Offset of the 256 words that hold each string's offset in the table.</param>
readonly record struct KallsymsTokens(int Table, int Index)
{
    const int TokenCount = 256;
    const int LongestTable = 16 << 10;

    public int IndexEnd => Index + (2 * TokenCount);

    /// <summary>Digits occur in symbol names, so the tokens of '0' to '9' stand for themselves, one after the other. The index proves the
    /// find.</summary>
    public static bool TryFind(ReadOnlySpan<byte> bytes, out KallsymsTokens tokens)
    {
        ReadOnlySpan<byte> digits = "0\01\02\03\04\05\06\07\08\09\0"u8;
        for (int from = 0; bytes[from..].IndexOf(digits) is int found and >= 0; from += found + 1)
        {
            if (TryAt(bytes, from + found, out tokens))
            {
                return true;
            }
        }

        tokens = default;
        return false;
    }

    /// <summary>Appends the string of one token.</summary>
    public void Append(ReadOnlySpan<byte> bytes, byte token, StringBuilder name)
    {
        int start = Table + BinaryPrimitives.ReadUInt16LittleEndian(bytes[(Index + (2 * token))..]);
        for (int at = start; bytes[at] != 0 && name.Length < LongestTable; at++)
        {
            name.Append((char)bytes[at]);
        }
    }

    static bool TryAt(ReadOnlySpan<byte> bytes, int digitZero, out KallsymsTokens tokens)
    {
        tokens = default;
        int end = digitZero;
        for (int i = '0'; i < TokenCount; i++)
        {
            int length = bytes[end..Math.Min(bytes.Length, end + LongestTable)].IndexOf((byte)0);
            if (length < 0)
            {
                return false;
            }

            end += length + 1;
        }

        int index = (end + 3) & ~3;
        if (index > bytes.Length - (2 * TokenCount))
        {
            return false;
        }

        int table = digitZero - BinaryPrimitives.ReadUInt16LittleEndian(bytes[(index + (2 * '0'))..]);
        int at = table;
        for (int i = 0; i < TokenCount; i++)
        {
            if (at < 0 || at >= end || at - table != BinaryPrimitives.ReadUInt16LittleEndian(bytes[(index + (2 * i))..]))
            {
                return false;
            }

            at += bytes[at..].IndexOf((byte)0) + 1;
        }

        tokens = new KallsymsTokens(table, index);
        return true;
    }
}
