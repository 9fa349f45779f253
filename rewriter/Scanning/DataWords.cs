// Words of an image that may hold code addresses: where no relocation table says which do, all of them are suspects.
using System.Buffers.Binary;
using Rewriter.Images;

namespace Rewriter.Scanning;

/// <summary>Enumerates what words point to code.</summary>
sealed class DataWords(CodeMapBuilder map)
{
    const int RelativeRelocation = 8; // R_386_RELATIVE
    const int ShortestRelocationTable = 16;

    /// <summary>What the words at relocations hold, as far as it is code.</summary>
    public IEnumerable<ulong> RelocatedTargets()
    {
        ImageSection? section = null;
        foreach (ulong word in map.Image.Relocations)
        {
            section = section is not null && section.Contains(word) ? section : map.Image.SectionAt(word);
            if (section is not null && TryRead(section, word, out uint target) && map.SectionAt(target) is not null)
            {
                yield return target;
            }
        }
    }

    /// <summary>Aligned words outside proven code whose value is an address in an executable section.</summary>
    public IEnumerable<ulong> Suspects()
    {
        foreach (ImageSection section in map.Image.Sections)
        {
            for (ulong at = (section.Address + 3) & ~3UL; at - section.Address + 4 <= (ulong)section.FileSize; at += 4)
            {
                if (TryRead(section, at, out uint value) && map.SectionAt(value) is not null && !map.IsCovered(at))
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

    bool TryRead(ImageSection section, ulong address, out uint word)
    {
        ulong offset = address - section.Address;
        word = 0;
        if (section.FileSize < 4 || offset > (ulong)section.FileSize - 4)
        {
            return false;
        }

        word = BinaryPrimitives.ReadUInt32LittleEndian(map.Image.Payload.Span[(int)(section.FileOffset + (long)offset)..]);
        return true;
    }

    static uint Word(ReadOnlyMemory<byte> bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes.Span[at..]);
}
