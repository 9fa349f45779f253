using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace Tests.Images;

/// <summary>Builds small images of formats for which no tool is at hand.</summary>
internal static class ImageBuilder
{
    public const uint PeBase = 0x40_0000;
    public const uint PeText = PeBase + 0x1000;

    /// <summary>A PE32 with .text, .data (four words, the first relocated) and .reloc; six data directories, as memtest86+ has.</summary>
    public static byte[] Pe(ReadOnlySpan<byte> text, ReadOnlySpan<uint> data)
    {
        var file = new byte[0x800];
        Encoding.ASCII.GetBytes("MZ").CopyTo(file, 0);
        Word(file, 0x3C, 0x80);
        Word(file, 0x80, 0x4550);
        Half(file, 0x84, 0x14C);
        Half(file, 0x86, 3);
        Half(file, 0x94, 96 + 48);
        Half(file, 0x98, 0x10B);
        Word(file, 0x98 + 16, 0x1000);
        Word(file, 0x98 + 28, PeBase);
        Word(file, 0x98 + 92, 6);
        Word(file, 0x98 + 96 + 40, 0x3000);
        Word(file, 0x98 + 96 + 44, 12);
        int sections = 0x98 + 96 + 48;
        Section(file, sections, ".text", 0x1000, 0x200, 0x6000_0020);
        Section(file, sections + 40, ".data", 0x2000, 0x400, 0xC000_0040);
        Section(file, sections + 80, ".reloc", 0x3000, 0x600, 0x4000_0040);
        text.CopyTo(file.AsSpan(0x200));
        for (int i = 0; i < data.Length; i++)
        {
            Word(file, 0x400 + (4 * i), data[i]);
        }

        Word(file, 0x600, 0x2000);
        Word(file, 0x604, 12);
        Half(file, 0x608, 0x3000);
        return file;
    }

    /// <summary>A bzImage of protocol 2.8 whose payload is an ELF file and a relocation table.</summary>
    /// <param name="pack">Compresses the payload.</param>
    public static byte[] BzImage(ReadOnlySpan<byte> elf, ReadOnlySpan<uint> relocations, Func<byte[], byte[]> pack)
    {
        var payload = new byte[elf.Length + 4 + (4 * relocations.Length)];
        elf.CopyTo(payload);
        for (int i = 0; i < relocations.Length; i++)
        {
            Word(payload, elf.Length + 4 + (4 * i), relocations[i]);
        }

        byte[] packed = pack(payload);
        var file = new byte[1024 + 64 + ((packed.Length + 15) & ~15)];
        file[0x1F1] = 1;
        Word(file, 0x1F4, (uint)(file.Length - 1024) / 16);
        Half(file, 0x1FE, 0xAA55);
        Word(file, 0x202, 0x53726448);
        Half(file, 0x206, 0x0208);
        Word(file, 0x248, 64);
        Word(file, 0x24C, (uint)packed.Length);
        packed.CopyTo(file, 1024 + 64);
        return file;
    }

    /// <summary>A flat binary that is loadable by its multiboot header: the header, then code, at 1 MiB.</summary>
    public static byte[] Multiboot(ReadOnlySpan<byte> code)
    {
        var file = new byte[32 + code.Length];
        uint[] header = [0x1BADB002, 0x10000, unchecked(0u - 0x1BADB002 - 0x10000), 0x100000, 0x100000, 0, 0, 0x100020];
        for (int i = 0; i < header.Length; i++)
        {
            Word(file, 4 * i, header[i]);
        }

        code.CopyTo(file.AsSpan(32));
        return file;
    }

    public static byte[] Gzip(byte[] bytes)
    {
        var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest))
        {
            gzip.Write(bytes);
        }

        return packed.ToArray();
    }

    public static void Word(byte[] file, int at, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(at), value);

    static void Half(byte[] file, int at, int value) => BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(at), (ushort)value);

    static void Section(byte[] file, int at, string name, uint address, uint offset, uint flags)
    {
        Encoding.ASCII.GetBytes(name).CopyTo(file, at);
        Word(file, at + 8, 0x200);
        Word(file, at + 12, address);
        Word(file, at + 16, 0x200);
        Word(file, at + 20, offset);
        Word(file, at + 36, flags);
    }
}
