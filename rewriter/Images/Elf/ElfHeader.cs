// The ELF file header and its two tables (System V gABI chapters 4 and 5), 32- and 64-bit in one shape.
namespace Rewriter.Images.Elf;

/// <summary>The file header, with the tables' extents checked against the file.</summary>
readonly record struct ElfHeader(bool Is64, ushort Type, ushort Machine, ulong Entry, long ProgramHeaders, int ProgramHeaderCount,
    long SectionHeaders, int SectionCount, int SectionNames)
{
    public const ushort TypeRelocatable = 1;
    const ushort Machine386 = 3;
    const ushort MachineX64 = 62;

    public int ProgramHeaderSize => Is64 ? 56 : 32;
    public int SectionHeaderSize => Is64 ? 64 : 40;

    public static ElfHeader Read(ByteView file)
    {
        bool is64 = file.U8(4, "ELF header") switch
        {
            1 => false,
            2 => true,
            byte other => throw new BadImageException($"ELF class {other} is neither 32- nor 64-bit", 4),
        };
        if (file.U8(5, "ELF header") != 1)
        {
            throw new BadImageException("ELF file is not little-endian", 5);
        }

        ushort machine = file.U16(18, "ELF header");
        if (machine != (is64 ? MachineX64 : Machine386))
        {
            throw new BadImageException($"ELF machine {machine} is not x86", 18);
        }

        int wide = is64 ? 8 : 4;
        long at = 24;
        ulong entry = ReadWord(file, is64, at);
        long programHeaders = ReadOffset(file, is64, at + wide, "ELF program header offset");
        long sectionHeaders = ReadOffset(file, is64, at + (2 * wide), "ELF section header offset");
        at += 3 * wide; // e_flags
        int programEntry = file.U16(at + 6, "ELF header");
        int programCount = file.U16(at + 8, "ELF header");
        int sectionEntry = file.U16(at + 10, "ELF header");
        int sectionCount = file.U16(at + 12, "ELF header");
        int sectionNames = file.U16(at + 14, "ELF header");
        var header = new ElfHeader(is64, file.U16(16, "ELF header"), machine, entry, programHeaders, programCount, sectionHeaders,
            sectionCount, sectionNames);
        if (programCount != 0 && programEntry != header.ProgramHeaderSize)
        {
            throw new BadImageException($"ELF program headers of {programEntry} bytes", at + 6);
        }

        if (sectionCount != 0 && sectionEntry != header.SectionHeaderSize)
        {
            throw new BadImageException($"ELF section headers of {sectionEntry} bytes", at + 10);
        }

        file.Table(programHeaders, programCount, header.ProgramHeaderSize, "ELF program header table");
        file.Table(sectionHeaders, sectionCount, header.SectionHeaderSize, "ELF section header table");
        return header;
    }

    /// <summary>A word of the file's class.</summary>
    public static ulong ReadWord(ByteView file, bool is64, long at) => is64 ? file.U64(at, "ELF header") : file.U32(at, "ELF header");

    /// <summary>A word that is an offset or a size: it must fit the file, so it fits a long.</summary>
    public static long ReadOffset(ByteView file, bool is64, long at, string what)
    {
        ulong value = ReadWord(file, is64, at);
        return value <= int.MaxValue ? (long)value
            : throw new BadImageException($"{what} 0x{value:x} lies outside the file", file.Origin + at);
    }
}
