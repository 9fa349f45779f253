namespace Rewriter.Images.Elf;

/// <summary>A program header whose extents have been checked.</summary>
readonly record struct ElfSegment(uint Type, uint Flags, long Offset, ulong Address, ulong PhysicalAddress, long FileSize, long MemorySize)
{
    public const uint Load = 1;
    public const uint Note = 4;

    public bool IsExecutable => (Flags & 1) != 0;
    public bool IsWritable => (Flags & 2) != 0;
    public ulong End => Address + (ulong)MemorySize;

    /// <summary>Reads the whole table; every loadable segment lies in the file and in the address space.</summary>
    public static List<ElfSegment> ReadAll(ByteView file, in ElfHeader header)
    {
        var segments = new List<ElfSegment>(header.ProgramHeaderCount);
        for (int i = 0; i < header.ProgramHeaderCount; i++)
        {
            long at = header.ProgramHeaders + ((long)i * header.ProgramHeaderSize);
            ElfSegment segment = header.Is64 ? Read64(file, at) : Read32(file, at);
            if (segment.Type is Load or Note)
            {
                Validate(file, segment, at, header.Is64);
                segments.Add(segment);
            }
        }

        return segments;
    }

    static ElfSegment Read32(ByteView file, long at) => new(
        file.U32(at, "ELF segment"),
        file.U32(at + 24, "ELF segment"),
        file.U32(at + 4, "ELF segment"),
        file.U32(at + 8, "ELF segment"),
        file.U32(at + 12, "ELF segment"),
        file.U32(at + 16, "ELF segment"),
        file.U32(at + 20, "ELF segment"));

    static ElfSegment Read64(ByteView file, long at) => new(
        file.U32(at, "ELF segment"),
        file.U32(at + 4, "ELF segment"),
        ElfHeader.ReadOffset(file, true, at + 8, "ELF segment offset"),
        file.U64(at + 16, "ELF segment"),
        file.U64(at + 24, "ELF segment"),
        ElfHeader.ReadOffset(file, true, at + 32, "ELF segment size"),
        (long)Math.Min(file.U64(at + 40, "ELF segment"), long.MaxValue));

    static void Validate(ByteView file, ElfSegment segment, long at, bool is64)
    {
        if (!file.Has(segment.Offset, segment.FileSize))
        {
            throw new BadImageException($"ELF segment at 0x{segment.Address:x} lies outside the file", file.Origin + at);
        }

        ulong limit = is64 ? ulong.MaxValue : 1UL << 32;
        if (segment.Type == Load && (segment.FileSize > segment.MemorySize || segment.Address > limit - (ulong)segment.MemorySize
            || segment.PhysicalAddress > limit - (ulong)segment.MemorySize))
        {
            throw new BadImageException($"ELF segment at 0x{segment.Address:x} has impossible sizes", file.Origin + at);
        }
    }
}
