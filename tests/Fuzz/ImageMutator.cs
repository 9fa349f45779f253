// Damage that means something: hostile numbers where files have numbers, lies in manifests, payloads that unpack to more than anybody wants.
using System.Buffers.Binary;
using System.Globalization;
using System.IO.Compression;
using System.Text;
using System.Text.RegularExpressions;
using Rewriter.Images.Compression;
using Rewriter.Rewritten;
using Tests.Images;

namespace Tests.Fuzz;

/// <summary>Makes a bad file of a good one. The same seed gives the same file.</summary>
internal sealed class ImageMutator(Random random)
{
    private const int FooterSize = 32;

    private static readonly uint[] s_hostile =
        [0, 1, 2, 3, 4, 7, 0xFF, 0x1000, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 0xFFFF_FFFC, 0xFFFF_F000, 0xD000_0000, 0xFE40_0000, 0xC000_0000, 0xFFFF, 0x10000];

    public byte[] Mutate(byte[] good)
    {
        byte[] bad = [.. good];
        bool isRewritten = RewrittenImage.IsRewritten(good);
        switch (random.Next(isRewritten ? 9 : 6))
        {
            case 0:
                return bad[..random.Next(bad.Length + 1)];
            case 1:
                return [.. bad, .. Noise(random.Next(1, 4096))];
            case 2:
                Flip(bad, random.Next(1, 12));
                break;
            case 3 or 4 or 5:
                for (int i = random.Next(1, 5); i > 0; i--)
                {
                    Number(bad);
                }

                break;
            default:
                return WithManifest(bad, Doctor(ManifestOf(bad)));
        }

        return bad;
    }

    /// <summary>The JSON of a rewritten image.</summary>
    public static string ManifestOf(byte[] file)
    {
        (long offset, long length) = Extent(file);
        using var deflate = new DeflateStream(new MemoryStream(file, (int)offset, (int)length), CompressionMode.Decompress);
        return new StreamReader(deflate).ReadToEnd();
    }

    /// <summary>The same file with another manifest, its footer right.</summary>
    public static byte[] WithManifest(byte[] file, string json) => WithManifest(file, Encoding.UTF8.GetBytes(json));

    public static byte[] WithManifest(byte[] file, ReadOnlySpan<byte> json)
    {
        var packed = new MemoryStream();
        using (var deflate = new DeflateStream(packed, CompressionLevel.Fastest, leaveOpen: true))
        {
            deflate.Write(json);
        }

        byte[] bytes = packed.ToArray();
        byte[] footer = file[^FooterSize..];
        BinaryPrimitives.WriteInt64LittleEndian(footer.AsSpan(8), file.Length - FooterSize);
        BinaryPrimitives.WriteInt64LittleEndian(footer.AsSpan(16), bytes.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(footer.AsSpan(24), Crc32.Of(bytes));
        return [.. file[..^FooterSize], .. bytes, .. footer];
    }

    private static (long Offset, long Length) Extent(byte[] file) =>
        (BinaryPrimitives.ReadInt64LittleEndian(file.AsSpan(file.Length - 24)), BinaryPrimitives.ReadInt64LittleEndian(file.AsSpan(file.Length - 16)));

    private byte[] Noise(int length)
    {
        var noise = new byte[length];
        random.NextBytes(noise);
        return noise;
    }

    private void Flip(byte[] bytes, int count)
    {
        for (; count > 0; count--)
        {
            bytes[Place(bytes.Length)] ^= (byte)(1 << random.Next(8));
        }
    }

    /// <summary>A number somewhere, 16 or 32 bits wide, becomes one that overflows, points outside or says that there are very many.</summary>
    private void Number(byte[] bytes)
    {
        uint value = random.Next(3) == 0 ? (uint)(bytes.Length + random.Next(-8, 9)) : s_hostile[random.Next(s_hostile.Length)];
        int at = Place(bytes.Length - 4) & ~1;
        if (random.Next(2) == 0)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(at), (ushort)value);
        }
        else
        {
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(at), value);
        }
    }

    // Headers lie at the beginning, or, of objects and rewritten files, at the end.
    private int Place(int length) => random.Next(4) switch
    {
        0 => random.Next(Math.Min(length, 128)),
        1 => random.Next(Math.Min(length, 1024)),
        2 => length - 1 - random.Next(Math.Min(length, 1500)),
        _ => random.Next(length),
    };

    /// <summary>Well-formed JSON, mostly, that is not true.</summary>
    private string Doctor(string json)
    {
        MatchCollection parts = Regex.Matches(json, @"(?<=[:\[,])(-?\d+|""[^""]*""|true|false|\[[^\[\]]*\]|\{[^{}]*\})");
        for (int i = random.Next(1, 4); i > 0; i--)
        {
            Match part = parts[random.Next(parts.Count)];
            if (part.Index + part.Length > json.Length)
            {
                continue;
            }

            string with = random.Next(8) switch
            {
                0 => s_hostile[random.Next(s_hostile.Length)].ToString(CultureInfo.InvariantCulture),
                1 => "-1",
                2 => "\"\"",
                3 => "null",
                4 => "[]",
                5 => "\"" + Convert.ToBase64String(Noise(random.Next(1, 200))) + "\"",
                6 => part.Value + "," + part.Value,
                _ => parts[random.Next(parts.Count)].Value,
            };
            json = json[..part.Index] + with + json[(part.Index + part.Length)..];
        }

        return json;
    }

    /// <summary>Files that are small and want to be large, or slow.</summary>
    public static IEnumerable<(string Name, Func<byte[]> Make)> Bombs(byte[] rewritten)
    {
        yield return ("a module that unpacks to 1 GiB", () => Zeros(1 << 30));
        yield return ("a kernel that unpacks to 1 GiB", () => ImageBuilder.BzImage([], [], _ => Zeros(1 << 30)));
        yield return ("a manifest of 100 MB of brackets", () => WithManifest(rewritten, Repeated("[", 100 << 20)));
        yield return ("a manifest of 60 MB of brackets", () => WithManifest(rewritten, Repeated("[", 60 << 20)));
        string json = ManifestOf(rewritten);
        yield return ("a manifest of many sites", () => WithManifest(rewritten, ManyOf(json, "Sites", 50 << 20)));
        yield return ("a manifest of many patches", () => WithManifest(rewritten, ManyOf(json, "Patches", 50 << 20)));
        yield return ("a manifest with a map of many entries", () => WithManifest(rewritten, Regex.Replace(json, @"""Map"":\[[^\]]*\]", "\"Map\":[" + Encoding.ASCII.GetString(Repeated("0,0,0,", 40 << 20)) + "0,0,0]")));
        foreach (int count in (int[])[2000, 60_000])
        {
            yield return ($"an executable of {count} code sections", () => ManySections(count, relocatable: false));
            yield return ($"an object of {count} code sections", () => ManySections(count, relocatable: true));
        }

        yield return ("an executable of 60000 segments and sections", () => ManySections(60_000, relocatable: false, segments: 60_000));
        yield return ("an object of a million symbols", () => ManySymbols(1 << 20));
        yield return ("an object whose relocation tables overlap", () => OverlappingTables(4000));
    }

    private static byte[] ManyOf(string json, string list, int length)
    {
        int first = json.IndexOf($"\"{list}\":[", StringComparison.Ordinal) + list.Length + 4;
        int end = json.IndexOf('}', first) + 1;
        return Encoding.UTF8.GetBytes(json[..end] + Encoding.UTF8.GetString(Repeated("," + json[first..end], length)) + json[end..]);
    }

    private static byte[] Repeated(string text, int length)
    {
        byte[] one = Encoding.UTF8.GetBytes(text);
        var all = new byte[length / one.Length * one.Length];
        for (int at = 0; at < all.Length; at += one.Length)
        {
            one.CopyTo(all, at);
        }

        return all;
    }

    private static byte[] Zeros(int length)
    {
        var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true))
        {
            var block = new byte[1 << 20];
            for (int i = 0; i < length / block.Length; i++)
            {
                gzip.Write(block);
            }
        }

        return packed.ToArray();
    }

    /// <summary>Each section a few bytes of code with a sensitive instruction and a jump to another section.</summary>
    private static byte[] ManySections(int count, bool relocatable, int segments = 1)
    {
        const int size = 16;
        byte[] code = [0xFA, 0x0F, 0xA2, 0xFB, 0xE8, 0, 0, 0, 0, 0xE9, 0x20, 0, 0, 0, 0x90, 0xC3];
        int headers = 84 + (count * (size + 40)) + 40;
        var file = new byte[headers + (segments == 1 ? 0 : 32 * segments)];
        ElfHeader(file, relocatable, 84 + (count * size), count + 1);
        uint[] segment = [1, 0, 0x10_0000, 0x10_0000, (uint)file.Length, (uint)file.Length, 7, 4096];
        Words(file, 52, segment);
        for (int i = 0; segments > 1 && i < segments; i++)
        {
            Words(file, 28, [(uint)headers]);
            Words(file, headers + (32 * i), [1, (uint)(84 + (i * size)), 0x10_0054 + (uint)(i * size), 0x10_0054 + (uint)(i * size), size, size, 7, 4]);
            BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(44), (ushort)segments);
        }

        for (int i = 0; i < count; i++)
        {
            uint at = (uint)(84 + (i * size));
            code.CopyTo(file, at);
            Words(file, 84 + (count * size) + (40 * (i + 1)), [0, 1, 6, relocatable ? 0 : 0x10_0000 + at, at, size, 0, 0, 1, 0]);
        }

        return file;
    }

    private static byte[] ManySymbols(int count)
    {
        var file = new byte[52 + 16 + 16 + (count * 16) + 160];
        byte[] code = [0xFA, 0x0F, 0xA2, 0xFB, 0xC3];
        int table = 84 + (count * 16);
        code.CopyTo(file, 52);
        Encoding.ASCII.GetBytes("name").CopyTo(file, 68);
        for (int i = 0; i < count; i++)
        {
            Words(file, 84 + (16 * i), [0, (uint)(i % 16), 1, 0x0001_0002]);
        }

        ElfHeader(file, relocatable: true, table, 4);
        Words(file, table + 40, [0, 1, 6, 0, 52, 16, 0, 0, 1, 0]);
        Words(file, table + 80, [0, 3, 0, 0, 68, 16, 0, 0, 1, 0]);
        Words(file, table + 120, [0, 2, 0, 0, 84, (uint)(16 * count), 2, 0, 1, 16]);
        return file;
    }

    /// <summary>Many tables that all are the same bytes, which are relocations of one section.</summary>
    private static byte[] OverlappingTables(int count)
    {
        const int entries = 32_000;
        int symbols = 52 + 64 + (8 * entries);
        int table = symbols + 16;
        var file = new byte[table + (40 * (count + 3))];
        for (int i = 0; i < entries; i++)
        {
            Words(file, 116 + (8 * i), [(uint)(i % 60), 1]);
        }

        ElfHeader(file, relocatable: true, table, count + 3);
        Words(file, table + 40, [0, 1, 6, 0, 52, 64, 0, 0, 1, 0]);
        Words(file, table + 80, [0, 2, 0, 0, (uint)symbols, 16, 1, 0, 1, 16]);
        for (int i = 0; i < count; i++)
        {
            Words(file, table + (40 * (i + 3)), [0, 9, 0, 0, 116, 8 * entries, 2, 1, 1, 8]);
        }

        return file;
    }

    private static void ElfHeader(byte[] file, bool relocatable, int sectionHeaders, int count)
    {
        byte[] identification = [0x7F, (byte)'E', (byte)'L', (byte)'F', 1, 1, 1];
        identification.CopyTo(file, 0);
        Words(file, 16, [(relocatable ? 1u : 2u) | 3u << 16, 1, relocatable ? 0 : 0x10_0054u, relocatable ? 0 : 52u, (uint)sectionHeaders, 0]);
        Words(file, 40, [52 | 32u << 16, relocatable ? 0u : 1u, 40u | (uint)count << 16]);
        // e_phentsize, e_phnum, e_shentsize, e_shnum, e_shstrndx
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(42), 32);
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(44), (ushort)(relocatable ? 0 : 1));
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(46), 40);
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(48), (ushort)count);
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(50), 0);
    }

    private static void Words(byte[] file, int at, ReadOnlySpan<uint> words)
    {
        foreach (uint word in words)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(at), word);
            at += 4;
        }
    }
}
