namespace Rewriter.Images.Pe;

/// <summary>The base relocation table (PE specification, "The .reloc Section").</summary>
static class PeRelocations
{
    const int HighLow = 3;
    const int Dir64 = 10;

    /// <summary>The words that hold absolute addresses, in the order of the table.</summary>
    public static List<RelocationEntry> Read(ByteView file, in PeHeader header, List<ImageSection> sections)
    {
        var words = new List<RelocationEntry>();
        (uint address, uint tableSize) = header.RelocationTable;
        if (tableSize == 0)
        {
            return words;
        }

        ulong start = header.ImageBase + address;
        ImageSection section = sections.Find(s => s.Contains(start))
            ?? throw new BadImageException("PE relocation table lies outside the sections", header.Offset);
        ByteView table = file.Slice(section.FileOffset + (long)(start - section.Address), tableSize, "PE relocation table");
        for (long block = 0; block + 8 <= table.Length;)
        {
            uint page = table.U32(block, "PE relocation block");
            uint size = table.U32(block + 4, "PE relocation block");
            if (size < 8 || size > table.Length - block)
            {
                throw new BadImageException($"PE relocation block of {size} bytes", table.Origin + block);
            }

            for (long at = block + 8; at + 2 <= block + size; at += 2)
            {
                ushort entry = table.U16(at, "PE relocation");
                if (entry >> 12 is HighLow or Dir64)
                {
                    words.Add(new RelocationEntry(header.ImageBase + page + (entry & 0xFFFu), table.Origin + at));
                }
            }

            block += size;
        }

        return words;
    }
}
