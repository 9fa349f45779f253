using System.Buffers.Binary;

namespace Rewriter.Images.Compression;

/// <summary>CRC-32 (IEEE 802.3, reflected), eight bytes a step: xz checks 16 MB of kernel with it.</summary>
public static class Crc32
{
    static readonly uint[][] _tables = MakeTables();

    public static uint Of(ReadOnlySpan<byte> bytes)
    {
        uint[][] t = _tables;
        uint crc = uint.MaxValue;
        while (bytes.Length >= 8)
        {
            uint low = BinaryPrimitives.ReadUInt32LittleEndian(bytes) ^ crc;
            uint high = BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]);
            crc = t[7][low & 0xFF] ^ t[6][(low >> 8) & 0xFF] ^ t[5][(low >> 16) & 0xFF] ^ t[4][low >> 24]
                ^ t[3][high & 0xFF] ^ t[2][(high >> 8) & 0xFF] ^ t[1][(high >> 16) & 0xFF] ^ t[0][high >> 24];
            bytes = bytes[8..];
        }

        foreach (byte value in bytes)
        {
            crc = (crc >> 8) ^ t[0][(byte)crc ^ value];
        }

        return ~crc;
    }

    static uint[][] MakeTables()
    {
        uint[][] tables = [.. Enumerable.Range(0, 8).Select(_ => new uint[256])];
        for (uint i = 0; i < 256; i++)
        {
            uint crc = i;
            for (int bit = 0; bit < 8; bit++)
            {
                crc = (crc >> 1) ^ (0xEDB8_8320 & (0 - (crc & 1)));
            }

            tables[0][i] = crc;
        }

        for (int table = 1; table < 8; table++)
        {
            for (int i = 0; i < 256; i++)
            {
                uint crc = tables[table - 1][i];
                tables[table][i] = (crc >> 8) ^ tables[0][(byte)crc];
            }
        }

        return tables;
    }
}
