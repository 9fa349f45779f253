namespace Rewriter.Images.Elf.Objects;

/// <summary>Makes an image of an object. Its payload is the file with the relocations applied.</summary>
static class ElfObjectReader
{
    public static KernelImage Read(string name, ByteView file)
    {
        ElfObject source = ElfObject.Read(file);
        List<ImageSection> sections = Sections(source);
        if (sections.Count == 0)
        {
            throw new BadImageException("ELF object has nothing to load", source.Header.SectionHeaders);
        }

        return new KernelImage
        {
            Name = name,
            Format = source.Header.Is64 ? ImageFormat.Elf64Object : ImageFormat.Elf32Object,
            Bitness = source.Header.Is64 ? 64 : 32,
            File = file.Bytes,
            Payload = ElfObjectRelocations.Apply(source),
            EntryPoint = 0,
            OtherEntryPoints = NamedByData(source),
            Sections = sections,
            Symbols = Symbols(source),
            Relocations = [.. source.Relocations.Where(r => r.Kind is RelocationKind.Absolute32 or RelocationKind.Absolute64)
                .Select(r => source.AddressOf(r.Section) + r.Offset).Distinct().Order()],
        };
    }

    /// <summary>What relative words outside the code name, tables of faulting addresses aside: nobody jumps to those.</summary>
    static List<ulong> NamedByData(ElfObject source) =>
        [.. source.Relocations.Where(r => r.Kind is RelocationKind.Relative32 or RelocationKind.Relative64
                && source.Sections[r.Section] is { IsExecutable: false, Name: not ("__ex_table" or "__bug_table") })
            .Select(r => unchecked(source.Symbols[r.Symbol].Address + (ulong)r.Addend)).Distinct().Order()];

    static List<ImageSection> Sections(ElfObject source)
    {
        var sections = new List<ImageSection>();
        for (int i = 0; i < source.Sections.Count; i++)
        {
            ElfSection section = source.Sections[i];
            ulong address = source.AddressOf(i);
            if (address != 0)
            {
                long fileSize = section.Type == ElfSection.NoBits ? 0 : (long)section.Size;
                sections.Add(new ImageSection(section.Name, address, address, fileSize == 0 ? 0 : (long)section.Offset, fileSize,
                    (long)section.Size, section.IsExecutable, section.IsWritable));
            }
        }

        return sections;
    }

    static List<ImageSymbol> Symbols(ElfObject source) =>
        [.. source.Symbols.Where(s => s.IsNamed).Select(s => new ImageSymbol(s.Name, s.Address, s.Size, s.IsFunction && s.Section != 0))
            .OrderBy(s => s.Address).ThenByDescending(s => s.IsFunction).ThenBy(s => s.Name, StringComparer.Ordinal)];
}
