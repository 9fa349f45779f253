using System.Reflection.PortableExecutable;

namespace Rewriter.Images.Pe;

/// <summary>The base relocation table (PE specification, "The .reloc Section").</summary>
static class PeRelocations
{
    const int HighLow = 3;
    const int Dir64 = 10;

    /// <summary>Addresses of the words that hold absolute addresses, sorted.</summary>
    public static List<ulong> Read(ByteView file, PEHeaders headers, PEHeader optional)
    {
        var words = new List<ulong>();
        DirectoryEntry directory = optional.BaseRelocationTableDirectory;
        if (directory.Size <= 0)
        {
            return words;
        }

        if (!headers.TryGetDirectoryOffset(directory, out int start))
        {
            throw new BadImageException("PE relocation table lies outside the sections", headers.PEHeaderStartOffset);
        }

        ByteView table = file.Slice(start, directory.Size, "PE relocation table");
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
                    words.Add(optional.ImageBase + page + (entry & 0xFFFu));
                }
            }

            block += size;
        }

        return [.. words.Distinct().Order()];
    }
}
