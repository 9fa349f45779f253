using System.Buffers.Binary;

namespace Tests.Loading;

/// <summary>Makes small kernel files: a multiboot header, code, and an ELF header with one segment around them where asked for.</summary>
internal sealed class KernelFile
{
    public const uint LoadAddress = 0x10_0000;
    private const uint Magic = 0x1BAD_B002;
    private const int ElfHeaderLength = 52, ProgramHeaderLength = 32, MultibootHeaderLength = 32;

    private KernelFile(byte[] bytes) => Bytes = bytes;

    public byte[] Bytes { get; }

    /// <summary>A flat binary that its multiboot header tells how to load; code follows the header.</summary>
    public static KernelFile Flat(params byte[] code)
    {
        byte[] file = [.. MultibootHeader(0x1_0003, LoadAddress, 0), .. code];
        return new KernelFile(file);
    }

    /// <summary>An ELF file of one segment, linked at <paramref name="address"/> and loaded at 1 MiB, that holds a multiboot header and code.</summary>
    public static KernelFile Elf(byte[] code, uint address = LoadAddress, bool isMultiboot = true)
    {
        byte[] header = isMultiboot ? MultibootHeader(3, 0, 0) : [];
        byte[] segment = [.. header, .. code];
        int offset = ElfHeaderLength + ProgramHeaderLength;
        byte[] file = new byte[offset + segment.Length];
        segment.CopyTo(file, offset);
        var kernel = new KernelFile(file);
        kernel.Set8(0, 0x7F, (byte)'E', (byte)'L', (byte)'F', 1, 1, 1);
        kernel.Set16(16, 2); // executable
        kernel.Set16(18, 3); // Intel 80386
        kernel.Set32(20, 1);
        kernel.Set32(24, address + (uint)header.Length);
        kernel.Set32(28, ElfHeaderLength);
        kernel.Set16(40, ElfHeaderLength);
        kernel.Set16(42, ProgramHeaderLength);
        kernel.Set16(44, 1);
        kernel.Set32(52, 1); // PT_LOAD
        kernel.Set32(56, (uint)offset);
        kernel.Set32(60, address);
        kernel.Set32(64, LoadAddress);
        kernel.Set32(68, (uint)segment.Length);
        kernel.Set32(72, (uint)segment.Length + 0x100);
        kernel.Set32(76, 7);
        kernel.Set32(80, 4);
        return kernel;
    }

    /// <summary>The same ELF file with a note of one 32-bit value behind it, and its program headers behind that.</summary>
    /// <param name="name">Of three letters.</param>
    public KernelFile WithNote(string name, uint type, uint value)
    {
        const int note = 20;
        byte[] load = Bytes[ElfHeaderLength..(ElfHeaderLength + ProgramHeaderLength)];
        int at = Bytes.Length, headers = at + note;
        byte[] padding = new byte[note + 2 * ProgramHeaderLength];
        var file = new KernelFile([.. Bytes, .. padding]);
        file.Set32(at, 4).Set32(at + 4, 4).Set32(at + 8, type).Set8(at + 12, [.. System.Text.Encoding.ASCII.GetBytes(name), 0]).Set32(at + 16, value);
        file.Set8(headers, load);
        int second = headers + ProgramHeaderLength;
        file.Set32(second, 4).Set32(second + 4, (uint)at).Set32(second + 16, note).Set32(second + 20, note).Set32(second + 28, 4); // PT_NOTE
        return file.Set32(28, (uint)headers).Set16(44, 2);
    }

    /// <summary>Overwrites a field.</summary>
    public KernelFile Set32(int offset, uint value)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(Bytes.AsSpan(offset), value);
        return this;
    }

    public KernelFile Set16(int offset, ushort value)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(Bytes.AsSpan(offset), value);
        return this;
    }

    public KernelFile Set8(int offset, params byte[] values)
    {
        values.CopyTo(Bytes, offset);
        return this;
    }

    public KernelFile Truncate(int length) => new(Bytes[..length]);

    private static byte[] MultibootHeader(uint flags, uint load, uint bssEnd)
    {
        byte[] header = new byte[MultibootHeaderLength];
        uint[] fields = [Magic, flags, 0 - (Magic + flags), load, load, 0, bssEnd, load + MultibootHeaderLength];
        for (int i = 0; i < fields.Length; i++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(4 * i), fields[i]);
        }

        return header;
    }
}
