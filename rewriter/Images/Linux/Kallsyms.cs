// The kernel's own symbol table (kernel/kallsyms.c, scripts/kallsyms.c), found by its structure: the image names no place for it.
// Names are sequences of tokens; the token table and its index are the anchor, everything else lies at computable places around it.
using System.Buffers.Binary;
using System.Text;

namespace Rewriter.Images.Linux;

/// <summary>Decodes kallsyms of 32-bit kernels from 4.6 on, with absolute or base-relative addresses.</summary>
static class Kallsyms
{
    const int MarkerInterval = 256;
    const int LongestName = 1024;
    const int MostCharacters = 32 << 20;

    /// <summary>All symbols by address; empty where there is no table, or none that makes sense: a kernel can be built without.</summary>
    public static IReadOnlyList<ImageSymbol> TryRead(KernelImage image)
    {
        foreach (ImageSection section in image.Sections.Where(s => !s.IsExecutable && s.FileSize > 4096))
        {
            ReadOnlySpan<byte> bytes = image.Bytes(section);
            if (KallsymsTokens.TryFind(bytes, out KallsymsTokens tokens)
                && TryFindNames(bytes, tokens, out int names, out int count)
                && TryFindAddresses(image, bytes, tokens, names, count, out uint[] addresses))
            {
                return Decode(image, bytes, tokens, names, addresses);
            }
        }

        return [];
    }

    /// <summary>Before the token table lie the markers (the offset of every 256th name), before these the names, before these their number.
    /// From 6.2 on, and in later 6.1 ones, an array of three bytes a name follows the markers; for a while it was one of words.</summary>
    static bool TryFindNames(ReadOnlySpan<byte> bytes, in KallsymsTokens tokens, out int names, out int count)
    {
        for (int at = (tokens.Table & ~3) - 8; at >= 0; at -= 4)
        {
            uint number = Word(bytes, at);
            if (number < MarkerInterval || number > tokens.Table - at)
            {
                continue;
            }

            long markerBytes = (number + MarkerInterval - 1) / MarkerInterval * 4;
            foreach (long sequence in (ReadOnlySpan<long>)[0, ((3L * number) + 3) & ~3L, 4L * number])
            {
                long markers = (tokens.Table & ~3) - sequence - markerBytes;
                if (markers > at + 4 && Word(bytes, (int)markers) == 0 && AgreesWithMarkers(bytes, at + 4, (int)number, (int)markers))
                {
                    (names, count) = (at + 4, (int)number);
                    return true;
                }
            }
        }

        (names, count) = (0, 0);
        return false;
    }

    static bool AgreesWithMarkers(ReadOnlySpan<byte> bytes, int names, int count, int markers)
    {
        int at = names;
        for (int i = 0; i < count; i++)
        {
            if (i % MarkerInterval == 0 && at - names != Word(bytes, markers + (i / MarkerInterval * 4)))
            {
                return false;
            }

            at = NextName(bytes, at, out _, out _);
            if (at > markers)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>A length byte (two from 6.1 on, where the first has bit 7 set), then that many tokens.</summary>
    static int NextName(ReadOnlySpan<byte> bytes, int at, out int start, out int length)
    {
        length = bytes[at];
        start = at + 1;
        if (length >= 0x80 && start < bytes.Length)
        {
            length = (length & 0x7F) | (bytes[start] << 7);
            start++;
        }

        return Math.Min(start + length, bytes.Length - 1);
    }

    /// <summary>Up to 6.4 addresses lie before the number of names, later after the token index; each with or without a base.</summary>
    static bool TryFindAddresses(KernelImage image, ReadOnlySpan<byte> bytes, in KallsymsTokens tokens, int names, int count,
        out uint[] addresses)
    {
        int number = names - 4;
        int after = (tokens.IndexEnd + 3) & ~3;
        return TryAddresses(image, bytes, number - 4 - (4 * count), number - 4, count, out addresses)
            || TryAddresses(image, bytes, number - (4 * count), -1, count, out addresses)
            || TryAddresses(image, bytes, after, after + (4 * count), count, out addresses)
            || TryAddresses(image, bytes, after, -1, count, out addresses);
    }

    static bool TryAddresses(KernelImage image, ReadOnlySpan<byte> bytes, int table, int baseAt, int count, out uint[] addresses)
    {
        addresses = [];
        if (table < 0 || table > bytes.Length - (4L * count) || baseAt > bytes.Length - 4)
        {
            return false;
        }

        uint relativeTo = baseAt < 0 ? 0 : Word(bytes, baseAt);
        uint[] found = new uint[count];
        for (int i = 0; i < count; i++)
        {
            found[i] = unchecked(relativeTo + Word(bytes, table + (4 * i)));
            if (i > 0 && found[i] < found[i - 1])
            {
                return false;
            }
        }

        if (image.SectionAt(found[0]) is null || image.SectionAt(found[count / 2]) is null)
        {
            return false;
        }

        addresses = found;
        return true;
    }

    static List<ImageSymbol> Decode(KernelImage image, ReadOnlySpan<byte> bytes, in KallsymsTokens tokens, int names, uint[] addresses)
    {
        var symbols = new List<ImageSymbol>(addresses.Length);
        var name = new StringBuilder();
        ImageSection? section = null;
        long total = 0;
        int at = names;
        for (int i = 0; i < addresses.Length; i++)
        {
            at = NextName(bytes, at, out int start, out int length);
            name.Clear();
            for (int token = start; token < start + length && token < bytes.Length && name.Length < LongestName; token++)
            {
                tokens.Append(bytes, bytes[token], name);
            }

            total += name.Length;
            if (name.Length < 2 || total > MostCharacters)
            {
                continue;
            }

            section = section is not null && section.Contains(addresses[i]) ? section : image.SectionAt(addresses[i]);
            bool isText = name[0] is 't' or 'T' or 'w' or 'W' && section is { IsExecutable: true };
            symbols.Add(new ImageSymbol(name.ToString(1, name.Length - 1), addresses[i], 0, isText));
        }

        return symbols;
    }

    static uint Word(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]);
}
