namespace Rewriter.Images.Elf;

/// <summary>Absolute relocations that a linker kept (`ld --emit-relocs`, or a position-independent kernel's own).</summary>
static class ElfRelocations
{
    const uint Absolute32 = 1; // R_386_32; R_X86_64_64 has the same number
    const uint Relative = 8; // R_386_RELATIVE, R_X86_64_RELATIVE
    const uint TypeRela = 4;

    /// <summary>Addresses of the words that hold absolute addresses, sorted.</summary>
    public static List<ulong> Read(ByteView file, in ElfHeader header, List<ElfSection> sections)
    {
        var words = new List<ulong>();
        foreach (ElfSection table in sections.Where(s => s.Type is ElfSection.Relocations or TypeRela))
        {
            bool isAboutUnloaded = table.Info != 0 && table.Info < sections.Count && !sections[(int)table.Info].IsAllocated;
            if (isAboutUnloaded)
            {
                continue;
            }

            ByteView entries = table.Bytes(file);
            int wide = header.Is64 ? 8 : 4;
            int size = table.Type == TypeRela ? 3 * wide : 2 * wide;
            for (long at = 0; at + size <= entries.Length; at += size)
            {
                ulong info = ElfHeader.ReadWord(entries, header.Is64, at + wide);
                uint type = header.Is64 ? (uint)info : (uint)(info & 0xFF);
                if (type is Absolute32 or Relative)
                {
                    words.Add(ElfHeader.ReadWord(entries, header.Is64, at));
                }
            }
        }

        return [.. words.Distinct().Order()];
    }
}
