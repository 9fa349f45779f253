using Rewriter.Images.Elf;
using Rewriter.Patching;

namespace Rewriter.Verification.Objects;

/// <summary>Section by section: what a loader puts into memory is the original, but for listed patches, trampolines behind the code, and
/// the exception table's fields, which <see cref="RelocationCheck"/> looks at.</summary>
static class ContentCheck
{
    const byte Filler = 0xCC; // INT3 between trampolines
    const string ExceptionTable = "__ex_table";

    public static void Run(VerifiedImage image, CheckLog log)
    {
        LoadedObject loaded = image.Object;
        for (int i = 1; i < Math.Min(loaded.Before.Sections.Count, loaded.After.Sections.Count); i++)
        {
            ElfSection before = loaded.Before.Sections[i], after = loaded.After.Sections[i];
            if (before.Offset != after.Offset || before.Size != after.Size)
            {
                bool mayChange = before.IsExecutable || before.Type == ElfSection.Relocations || before.Name == ExceptionTable;
                if (!mayChange || (!before.IsExecutable && before.Name == ExceptionTable && before.Size != after.Size)
                    || after.Size < before.Size || after.Offset < (ulong)image.Original.File.Length)
                {
                    log.Fail($"section {before.Name}", "is replaced or resized, and no patch asks for that");
                    continue;
                }
            }

            if (loaded.AddressOf(i) != 0 && before.Type != ElfSection.NoBits)
            {
                Compare(image, i, log);
            }
        }
    }

    static void Compare(VerifiedImage image, int section, CheckLog log)
    {
        uint address = image.Object.AddressOf(section);
        ReadOnlySpan<byte> found = image.Object.Bytes(section);
        ElfSection before = image.Object.Before.Sections[section];
        var expected = new byte[Math.Max(found.Length, (int)before.Size)];
        Array.Fill(expected, Filler);
        image.Original.Payload.Span.Slice((int)before.Offset, (int)before.Size).CopyTo(expected);
        foreach (Patch patch in image.Plan.Patches.Where(p => p.Address - address < (uint)before.Size))
        {
            Put(patch.Address - address, patch.NewBytes, expected);
            Put(patch.TrampolineAddress - address, patch.Trampoline, expected);
        }

        log.Count(expected.Length);
        if (found.Length < (int)before.Size)
        {
            log.Fail($"section {before.Name}", $"holds {found.Length} bytes instead of {before.Size}");
            return;
        }

        for (int at = 0; at < expected.Length; at++)
        {
            bool isExceptionField = before.Name == ExceptionTable && at % 12 < 8; // insn, fixup (asm/extable.h)
            if (found[at] != expected[at] && !isExceptionField)
            {
                log.Fail(address + (uint)at, $"holds {found[at]:x2} when loaded, instead of {expected[at]:x2}");
            }
        }
    }

    // What lies outside is found by the other checks: the entries' lead out of the section then.
    static void Put(uint offset, ReadOnlyMemory<byte> bytes, byte[] into)
    {
        if (offset <= (uint)into.Length && bytes.Length <= into.Length - (int)offset)
        {
            bytes.CopyTo(into.AsMemory((int)offset));
        }
    }
}
