using System.Buffers.Binary;
using System.IO.Compression;

namespace Tests.Loading;

/// <summary>Makes small bzImage files: a setup header (Documentation/arch/x86/boot.rst) and a payload right behind it.</summary>
internal static class LinuxImageFile
{
    public const int PayloadOffset = 1024;
    private const int CommandLineSize = 0x238, XLoadFlags = 0x236;

    /// <summary>A kernel of one HLT, packed by gzip, that takes a command line of 255 bytes.</summary>
    public static byte[] Of32Bit() => Around(Gzip([.. KernelFile.Elf([0xF4], isMultiboot: false).Bytes, 0, 0, 0, 0]), xloadflags: 0);

    /// <summary>The same as a 64-bit ELF file.</summary>
    public static byte[] Of64Bit() => Around(Gzip([.. Elf64(), 0, 0, 0, 0]), xloadflags: 1);

    /// <summary>A payload as it is.</summary>
    public static byte[] Around(byte[] payload, ushort xloadflags)
    {
        byte[] file = new byte[PayloadOffset + payload.Length];
        payload.CopyTo(file, PayloadOffset);
        file[0x1F1] = 1; // sectors of setup code
        Set(file, 0x1FE, 0xAA55, 2);
        "HdrS"u8.CopyTo(file.AsSpan(0x202));
        Set(file, 0x206, 0x20F, 2);
        Set(file, XLoadFlags, xloadflags, 2);
        Set(file, CommandLineSize, 255, 4);
        Set(file, 0x248, 0, 4);
        Set(file, 0x24C, (uint)payload.Length, 4);
        return file;
    }

    private static byte[] Gzip(byte[] contents)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Optimal))
        {
            gzip.Write(contents);
        }

        return packed.ToArray();
    }

    /// <summary>A file header, one segment's header and the segment (System V gABI, chapters 4 and 5).</summary>
    private static byte[] Elf64()
    {
        const int header = 64, program = 56;
        byte[] file = new byte[header + program + 1];
        byte[] identity = [0x7F, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1];
        identity.CopyTo(file, 0);
        (int At, ulong Value, int Size)[] fields =
        [
            (16, 2, 2), (18, 62, 2), (20, 1, 4), (24, KernelFile.LoadAddress, 8), (32, header, 8), (52, header, 2), (54, program, 2), (56, 1, 2),
            (header, 1, 4), (header + 4, 5, 4), (header + 8, header + program, 8), (header + 16, KernelFile.LoadAddress, 8),
            (header + 24, KernelFile.LoadAddress, 8), (header + 32, 1, 8), (header + 40, 1, 8), (header + 48, 1, 8),
        ];
        foreach ((int at, ulong value, int size) in fields)
        {
            Set(file, at, value, size);
        }

        file[^1] = 0xF4;
        return file;
    }

    private static void Set(byte[] file, int at, ulong value, int size)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        bytes[..size].CopyTo(file.AsSpan(at));
    }
}
