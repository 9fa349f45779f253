namespace Rewriter.Images.Compression;

/// <summary>CRC-64 (ECMA-182, reflected), the default check of xz files.</summary>
public static class Crc64
{
    static readonly ulong[] _table = MakeTable();

    public static ulong Of(ReadOnlySpan<byte> bytes)
    {
        ulong crc = ulong.MaxValue;
        foreach (byte value in bytes)
        {
            crc = (crc >> 8) ^ _table[(byte)crc ^ value];
        }

        return ~crc;
    }

    static ulong[] MakeTable()
    {
        var table = new ulong[256];
        for (uint i = 0; i < 256; i++)
        {
            ulong crc = i;
            for (int bit = 0; bit < 8; bit++)
            {
                crc = (crc >> 1) ^ (0xC96C_5795_D787_0F42 & (0 - (crc & 1)));
            }

            table[i] = crc;
        }

        return table;
    }
}
