// Words of an image that may hold code addresses: where no relocation table says which do, all of them are suspects.
using System.Buffers.Binary;
using Rewriter.Images;

namespace Rewriter.Scanning;

/// <summary>Enumerates what words point to code.</summary>
sealed class DataWords(CodeMapBuilder map)
{
    const int RelativeRelocation = 8; // R_386_RELATIVE
    const int ShortestRelocationTable = 16;
    const int TableRow = 3;

    /// <summary>What the words at relocations hold, as far as it is code.</summary>
    public IEnumerable<ulong> RelocatedTargets()
    {
        ImageSection? section = null;
        foreach (ulong word in map.Image.Relocations)
        {
            section = section is not null && section.Contains(word) ? section : map.Image.SectionAt(word);
            if (section is not null && TryRead(section, word, out ulong target) && map.SectionAt(target) is not null)
            {
                yield return target;
            }
        }
    }

    /// <summary>Aligned words outside proven code whose value is an address in an executable section, if they stand in a row of such words
    /// or code is likely to begin where they point.</summary>
    public IEnumerable<ulong> Suspects()
    {
        ulong size = map.Image.Bitness == 64 ? 8ul : 4;
        foreach (ImageSection section in map.Image.Sections)
        {
            int row = 0;
            for (ulong at = (section.Address + size - 1) & ~(size - 1); at - section.Address + size <= (ulong)section.FileSize; at += size)
            {
                ulong value = Read(section, at, size);
                if (map.SectionAt(value) is null || map.IsCovered(at))
                {
                    row = 0;
                    continue;
                }

                row++;
                // A row is only known to be one at its third word: the first two are given then.
                for (ulong back = row == TableRow ? (ulong)TableRow - 1 : 0; back > 0; back--)
                {
                    yield return Read(section, at - (back * size), size);
                }

                if (row >= TableRow || FunctionStart.IsLikely(map, value))
                {
                    yield return value;
                }
            }
        }
    }

    /// <summary>Targets of a dynamic relocation table that lies in the image itself, as in a kernel that relocates itself: a run of
    /// pairs (offset, R_386_RELATIVE), offsets and targets counted from the first executable section.</summary>
    public IEnumerable<ulong> SelfRelocatedTargets()
    {
        if (map.Sections.Count == 0 || map.Image.Bitness != 32)
        {
            yield break;
        }

        CodeSection home = map.Sections[0];
        ReadOnlyMemory<byte> bytes = home.Bytes;
        for (int at = 0; at + 8 <= bytes.Length;)
        {
            int end = at;
            while (end + 8 <= bytes.Length && Word(bytes, end + 4) == RelativeRelocation && Word(bytes, end) < home.Bytes.Length)
            {
                end += 8;
            }

            if (end - at < ShortestRelocationTable * 8)
            {
                at += 4;
                continue;
            }

            for (; at < end; at += 8)
            {
                uint place = Word(bytes, at);
                if (place <= bytes.Length - 4)
                {
                    yield return home.Address + Word(bytes, (int)place);
                }
            }
        }
    }

    bool TryRead(ImageSection section, ulong address, out ulong word)
    {
        ulong size = map.Image.Bitness == 64 ? 8ul : 4;
        bool isInFile = (ulong)section.FileSize >= size && address - section.Address <= (ulong)section.FileSize - size;
        word = isInFile ? Read(section, address, size) : 0;
        return isInFile;
    }

    ulong Read(ImageSection section, ulong address, ulong size)
    {
        ReadOnlySpan<byte> bytes = map.Image.Payload.Span[(int)(section.FileOffset + (long)(address - section.Address))..];
        return size == 8 ? BinaryPrimitives.ReadUInt64LittleEndian(bytes) : BinaryPrimitives.ReadUInt32LittleEndian(bytes);
    }

    static uint Word(ReadOnlyMemory<byte> bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes.Span[at..]);
}
