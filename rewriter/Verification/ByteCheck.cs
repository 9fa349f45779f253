using Rewriter.Images;
using Rewriter.Patching;
using Rewriter.Rewritten;

namespace Rewriter.Verification;

/// <summary>Compares the rewritten file with the original, byte by byte.</summary>
static class ByteCheck
{
    // gABI figure 4-3: e_shoff; e_shentsize, e_shnum, e_shstrndx.
    static readonly (int First, int End)[] _elfHeader = [(32, 36), (46, 52)];

    const byte Filler = 0xCC; // INT3 between trampolines

    public static void Run(VerifiedImage image, CheckLog log)
    {
        ReadOnlySpan<byte> original = image.Original.File.Span;
        log.Count(original.Length);
        if (Manifest.DigestOf(original) != image.Manifest.OriginalDigest)
        {
            log.Fail("the whole file", "the original is not the one that the manifest names by its SHA-256");
        }

        if (image.File.Length < original.Length)
        {
            log.Fail($"offset 0x{image.File.Length:x}", "the file is shorter than the original");
            return;
        }

        byte[] expected = original.ToArray();
        if (image.Manifest.IsPatchedInPlace)
        {
            ApplyListed(image, expected, log);
        }

        if (image.Original.Format == ImageFormat.Pe32)
        {
            PeFields.Expect(image, expected, log);
        }

        ReadOnlySpan<byte> found = image.File.Span[..expected.Length];
        for (int at = found.CommonPrefixLength(expected); at < expected.Length; at += 1 + found[(at + 1)..].CommonPrefixLength(expected.AsSpan(at + 1)))
        {
            if (!IsHeaderField(image.Original.Format, at))
            {
                log.Fail(PlaceOf(image.Original, at), $"holds {found[at]:x2} instead of {expected[at]:x2}");
            }
        }

        if (image.HasWindow)
        {
            CompareTrampolines(image, log);
        }
    }

    /// <summary>Puts the listed patches into the original, by the section table alone.</summary>
    static void ApplyListed(VerifiedImage image, byte[] file, CheckLog log)
    {
        foreach (Patch patch in image.Plan.Patches)
        {
            ReadOnlyMemory<byte> bytes = image.BytesAt(patch.Address, patch.NewBytes.Length);
            if (!bytes.Span.SequenceEqual(patch.OriginalBytes.Span) || image.Original.SectionAt(patch.Address) is not { IsExecutable: true } section)
            {
                log.Fail(patch.Address, "the original holds other bytes than the patch says, or is not code there");
                continue;
            }

            patch.NewBytes.Span.CopyTo(file.AsSpan((int)(section.FileOffset + (long)(patch.Address - section.Address))));
        }
    }

    /// <summary>What the sections .monitor.shims hold is what the manifest says of the trampolines.</summary>
    static void CompareTrampolines(VerifiedImage image, CheckLog log)
    {
        if (image.Original.Format != ImageFormat.Elf32)
        {
            return;
        }

        List<Patch> left = [.. image.Plan.Patches.Where(p => p.Trampoline.Length != 0)];
        foreach ((uint address, ReadOnlyMemory<byte> bytes) in MonitorSections(image.File))
        {
            var expected = new byte[bytes.Length];
            Array.Fill(expected, Filler);
            foreach (Patch patch in left.FindAll(p => LiesIn(p, address, bytes.Length)))
            {
                patch.Trampoline.CopyTo(expected.AsMemory((int)(patch.TrampolineAddress - address)));
            }

            left.RemoveAll(p => LiesIn(p, address, bytes.Length));

            log.Count(bytes.Length);
            int same = bytes.Span.CommonPrefixLength(expected);
            log.Require(same == bytes.Length, address + (uint)same, "the section .monitor.shims holds something else than the manifest");
        }

        foreach (Patch patch in left)
        {
            log.Fail(patch.TrampolineAddress, "no section .monitor.shims holds the trampoline of this place");
        }
    }

    static bool LiesIn(Patch patch, uint address, int length) =>
        patch.TrampolineAddress >= address && (ulong)patch.TrampolineAddress + (ulong)patch.Trampoline.Length <= address + (ulong)length;

    /// <summary>Allocated sections of the file's own table that no original had: those at or above the window.</summary>
    static IEnumerable<(uint Address, ReadOnlyMemory<byte> Bytes)> MonitorSections(ReadOnlyMemory<byte> file)
    {
        var view = new ByteView(file);
        uint table = view.U32(32, "section header table");
        int count = view.U16(48, "section header table");
        uint names = view.U32(table + 40 * view.U16(50, "section header table") + 16, "section names");
        for (int i = 0; i < count; i++)
        {
            long header = table + 40 * (long)i;
            uint name = names + view.U32(header, "section header");
            ReadOnlySpan<byte> wanted = ".monitor.shims\0"u8;
            if (name + wanted.Length <= file.Length && file.Span.Slice((int)name, wanted.Length).SequenceEqual(wanted))
            {
                yield return (view.U32(header + 12, "section header"),
                    view.Slice(view.U32(header + 16, "section header"), view.U32(header + 20, "section header"), ".monitor.shims").Bytes);
            }
        }
    }

    static bool IsHeaderField(ImageFormat format, int offset) =>
        format is ImageFormat.Elf32 or ImageFormat.Elf32Object && _elfHeader.Any(field => offset >= field.First && offset < field.End);

    static string PlaceOf(KernelImage image, long offset)
    {
        ImageSection? section = image.Format == ImageFormat.BzImage ? null
            : image.Sections.FirstOrDefault(s => offset >= s.FileOffset && offset - s.FileOffset < s.FileSize);
        return section is null ? $"offset 0x{offset:x}" : $"offset 0x{offset:x}, {section.Name} 0x{section.Address + (ulong)(offset - section.FileOffset):x8}";
    }
}
