// Relocatable ELF files (gABI chapter 4): kernel modules and what a compiler writes. Nothing in them has an address yet, so each loaded
// section is given one, and relocations are applied to a copy of the bytes: from there on such a file reads like any other image.
namespace Rewriter.Images.Elf.Objects;

/// <summary>An ET_REL file taken apart, its sections placed. Everything in it has been checked against the file.</summary>
sealed class ElfObject
{
    /// <summary>Where sections are placed: above what i386 kernels use for themselves and below the monitor window.</summary>
    const ulong Base32 = 0xD000_0000;
    const ulong Limit32 = 0xFC00_0000;

    /// <summary>Where Linux for x86-64 loads modules (Documentation/x86/x86_64/mm.rst).</summary>
    const ulong Base64 = 0xFFFF_FFFF_A000_0000;
    const ulong Limit64 = 0xFFFF_FFFF_FF00_0000;

    /// <summary>Undefined symbols lie below the sections, so many bytes apart.</summary>
    const ulong External = 0x1000_0000;
    const ulong ExternalSpacing = 16;

    const ulong LargestAlignment = 0x10000;
    const ulong Page = 4096;
    const ushort AbsoluteSection = 0xFFF1;
    const ushort FirstReservedSection = 0xFF00;

    readonly ulong[] _addresses;

    ElfObject(ByteView file, ElfHeader header, List<ElfSection> sections)
    {
        (File, Header, Sections) = (file, header, sections);
        _addresses = Place();
        RequireApart();
        Symbols = ReadSymbols();
        Relocations = ElfObjectRelocations.Read(this);
    }

    public ByteView File { get; }
    public ElfHeader Header { get; }
    public IReadOnlyList<ElfSection> Sections { get; }

    /// <summary>In the order of the symbol table, whose indices relocations use.</summary>
    public IReadOnlyList<ElfObjectSymbol> Symbols { get; }

    /// <summary>Of loaded sections, by section and then in the order of their table.</summary>
    public IReadOnlyList<ElfObjectRelocation> Relocations { get; }

    /// <exception cref="BadImageException">Malformed, or too large for the place that modules have.</exception>
    public static ElfObject Read(ByteView file)
    {
        ElfHeader header = ElfHeader.Read(file);
        return new ElfObject(file, header, ElfSection.ReadAll(file, header));
    }

    /// <summary>Where a loaded section is placed; 0 for one that is not loaded.</summary>
    public ulong AddressOf(int section) => _addresses[section];

    /// <summary>Each executable section has as much room behind it as it is long, and a page more: for what a rewriter appends.</summary>
    ulong[] Place()
    {
        var addresses = new ulong[Sections.Count];
        ulong at = Header.Is64 ? Base64 : Base32;
        ulong limit = Header.Is64 ? Limit64 : Limit32;
        for (int i = 1; i < addresses.Length; i++)
        {
            ElfSection section = Sections[i];
            if (!section.IsAllocated || section.Size == 0)
            {
                continue;
            }

            if (section.Type != ElfSection.NoBits)
            {
                section.Bytes(File);
            }

            ulong alignment = section.IsExecutable ? Page : Math.Max(1, section.Alignment);
            if (section.Size >= limit - at || alignment > LargestAlignment || !ulong.IsPow2(alignment))
            {
                throw new BadImageException($"ELF section {section.Name} of {section.Size} bytes, aligned to {section.Alignment}, has no place",
                    File.Origin + section.HeaderOffset);
            }

            addresses[i] = (at + alignment - 1) & ~(alignment - 1);
            at = addresses[i] + section.Size + (section.IsExecutable ? (16 * section.Size) + Page : 0);
            if (at >= limit)
            {
                throw new BadImageException("ELF object is too large for the place that modules have", File.Origin + section.HeaderOffset);
            }
        }

        return addresses;
    }

    /// <summary>Relocations are applied in the file's own bytes: those of one section must not be another's too.</summary>
    void RequireApart()
    {
        ulong end = 0;
        foreach (ElfSection section in Sections.Where((s, i) => _addresses[i] != 0 && s.Type != ElfSection.NoBits).OrderBy(s => s.Offset))
        {
            if (section.Offset < end)
            {
                throw new BadImageException($"ELF section {section.Name} overlaps another in the file", File.Origin + section.HeaderOffset);
            }

            end = section.Offset + section.Size;
        }
    }

    List<ElfObjectSymbol> ReadSymbols()
    {
        var symbols = new List<ElfObjectSymbol>();
        if (Sections.FirstOrDefault(s => s.Type == ElfSection.SymbolTable) is not { Type: ElfSection.SymbolTable } table)
        {
            return symbols;
        }

        if (table.Link >= Sections.Count)
        {
            throw new BadImageException($"ELF symbol table links to section {table.Link}, which does not exist", File.Origin + table.HeaderOffset);
        }

        ByteView entries = table.Bytes(File);
        ByteView names = Sections[(int)table.Link].Bytes(File);
        int size = Header.Is64 ? 24 : 16;
        for (long at = 0; at + size <= entries.Length; at += size)
        {
            byte info = entries.U8(at + (Header.Is64 ? 4 : 12), "ELF symbol");
            ushort section = entries.U16(at + (Header.Is64 ? 6 : 14), "ELF symbol");
            ulong value = Header.Is64 ? entries.U64(at + 8, "ELF symbol") : entries.U32(at + 4, "ELF symbol");
            ulong length = Header.Is64 ? entries.U64(at + 16, "ELF symbol") : entries.U32(at + 8, "ELF symbol");
            string name = ElfSection.NameAt(names, entries.U32(at, "ELF symbol"), 256);
            symbols.Add(new ElfObjectSymbol(name, AddressOf(section, value, symbols.Count), length, info & 15, section));
        }

        return symbols;
    }

    ulong AddressOf(ushort section, ulong value, int index)
    {
        if (section is > 0 and < FirstReservedSection)
        {
            return section < _addresses.Length ? unchecked(_addresses[section] + value)
                : throw new BadImageException($"ELF symbol {index} belongs to section {section}, which does not exist", File.Origin);
        }

        ulong external = (Header.Is64 ? Base64 : Base32) - External + ((ulong)index % (External / ExternalSpacing) * ExternalSpacing);
        return section == AbsoluteSection ? value : external;
    }
}
