namespace Rewriter.Images.Elf;

/// <summary>Symbols from .symtab.</summary>
static class ElfSymbols
{
    const int LongestName = 1024;
    const long MostNameBytes = 64 << 20;
    const ushort FirstReservedSection = 0xFF00;

    /// <summary>Defined, named symbols by address; sections, files and absolute values are left out.</summary>
    public static List<ImageSymbol> Read(ByteView file, in ElfHeader header, List<ElfSection> sections)
    {
        var symbols = new List<ImageSymbol>();
        long nameBytes = 0;
        foreach (ElfSection table in sections.Where(s => s.Type == ElfSection.SymbolTable))
        {
            if (table.Link >= sections.Count)
            {
                throw new BadImageException($"ELF symbol table links to section {table.Link}, which does not exist",
                    file.Origin + table.HeaderOffset);
            }

            ByteView entries = table.Bytes(file);
            ByteView names = sections[(int)table.Link].Bytes(file);
            int size = header.Is64 ? 24 : 16;
            for (long at = 0; at + size <= entries.Length; at += size)
            {
                byte info = entries.U8(at + (header.Is64 ? 4 : 12), "ELF symbol");
                ushort section = entries.U16(at + (header.Is64 ? 6 : 14), "ELF symbol");
                int type = info & 15; // NOTYPE, OBJECT, FUNC
                if (type > 2 || section == 0 || section >= FirstReservedSection)
                {
                    continue;
                }

                string name = ElfSection.NameAt(names, entries.U32(at, "ELF symbol"), LongestName);
                nameBytes += name.Length;
                if (nameBytes > MostNameBytes)
                {
                    throw new BadImageException("ELF symbol names overlap beyond reason", entries.Origin + at);
                }

                if (name.Length != 0)
                {
                    symbols.Add(header.Is64
                        ? new ImageSymbol(name, entries.U64(at + 8, ""), entries.U64(at + 16, ""), type == 2)
                        : new ImageSymbol(name, entries.U32(at + 4, ""), entries.U32(at + 8, ""), type == 2));
                }
            }
        }

        return [.. symbols.OrderBy(s => s.Address).ThenByDescending(s => s.IsFunction).ThenBy(s => s.Name, StringComparer.Ordinal)];
    }
}
