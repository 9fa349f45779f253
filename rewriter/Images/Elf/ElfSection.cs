using System.Text;

namespace Rewriter.Images.Elf;

/// <summary>A section header. Nothing of it is trusted before it is used: <see cref="Bytes"/> checks.</summary>
readonly record struct ElfSection(string Name, uint Type, ulong Flags, ulong Address, ulong Offset, ulong Size, uint Link, uint Info,
    ulong Alignment, long HeaderOffset)
{
    public const uint SymbolTable = 2;
    public const uint RelocationsWithAddends = 4;
    public const uint NoBits = 8;
    public const uint Relocations = 9;

    public bool IsAllocated => (Flags & 2) != 0;
    public bool IsWritable => (Flags & 1) != 0;
    public bool IsExecutable => (Flags & 4) != 0;
    public bool IsThreadLocal => (Flags & 0x400) != 0;

    /// <summary>The section's bytes in the file.</summary>
    public ByteView Bytes(ByteView file) =>
        Offset <= int.MaxValue && Size <= int.MaxValue
            ? file.Slice((long)Offset, (long)Size, $"ELF section {Name}")
            : throw new BadImageException($"ELF section {Name} lies outside the file", file.Origin + HeaderOffset);

    public static List<ElfSection> ReadAll(ByteView file, in ElfHeader header)
    {
        var sections = new List<ElfSection>(header.SectionCount);
        for (int i = 0; i < header.SectionCount; i++)
        {
            long at = header.SectionHeaders + ((long)i * header.SectionHeaderSize);
            sections.Add(header.Is64
                ? new ElfSection("", file.U32(at + 4, ""), file.U64(at + 8, ""), file.U64(at + 16, ""), file.U64(at + 24, ""),
                    file.U64(at + 32, ""),
                    file.U32(at + 40, ""), file.U32(at + 44, ""), file.U64(at + 48, ""), at)
                : new ElfSection("", file.U32(at + 4, ""), file.U32(at + 8, ""), file.U32(at + 12, ""), file.U32(at + 16, ""),
                    file.U32(at + 20, ""),
                    file.U32(at + 24, ""), file.U32(at + 28, ""), file.U32(at + 32, ""), at));
        }

        // Those that are read entry by entry; none shares bytes with another.
        if (sections.Where(s => s.Type is SymbolTable or Relocations or RelocationsWithAddends && s.Size <= (ulong)file.Length).Sum(s => (long)s.Size) > file.Length)
        {
            throw new BadImageException("ELF symbol and relocation tables overlap in the file", header.SectionHeaders);
        }

        if (header.SectionNames > 0 && header.SectionNames < sections.Count)
        {
            ByteView names = sections[header.SectionNames].Bytes(file);
            for (int i = 0; i < sections.Count; i++)
            {
                sections[i] = sections[i] with { Name = NameAt(names, file.U32(sections[i].HeaderOffset, ""), 256) };
            }
        }

        return sections;
    }

    /// <summary>The zero-terminated string at an offset of a string table; "" outside it; cut at <paramref name="longest"/>
    /// bytes.</summary>
    public static string NameAt(ByteView strings, uint offset, int longest)
    {
        if (offset >= strings.Length)
        {
            return "";
        }

        ReadOnlySpan<byte> rest = strings.Bytes.Span[(int)offset..];
        rest = rest[..Math.Min(rest.Length, longest)];
        int end = rest.IndexOf((byte)0);
        return Encoding.Latin1.GetString(end < 0 ? rest : rest[..end]);
    }
}
