// What is appended to a rewritten ELF file so that binary tools see it: sections for the trampolines and the manifest. Existing bytes keep
// their places; only three fields of the file header change. No segment is added: to every other loader the file is the kernel it was.
using Rewriter.Images;
using Rewriter.Images.Elf.Objects;
using Rewriter.Patching;
using Rewriter.Rewritten.Objects;

namespace Rewriter.Rewritten;

/// <summary>Builds the tail of a rewritten ELF32 file.</summary>
static class ElfAttachment
{
    public const int HeaderSize = 52;
    const uint AllocatedCode = 2 | 4;
    const uint LargestGap = 1024;
    const byte Filler = 0xCC; // INT3 between trampolines

    /// <summary>Appends sections and manifest to <paramref name="file"/> and returns the manifest's offset.</summary>
    public static long Append(MemoryStream file, KernelImage image, PatchPlan plan, byte[] packedManifest)
    {
        var tail = new ElfTail(file, image);
        if (image.Format == ImageFormat.Elf32Object)
        {
            foreach ((int section, byte[] bytes) in new ObjectEditor(ElfObject.Read(new ByteView(image.File)), plan).Contents.OrderBy(c => c.Key))
            {
                tail.Replace(section, bytes);
            }

            return tail.Finish(packedManifest);
        }

        foreach ((uint address, byte[] bytes) in Trampolines(plan))
        {
            tail.Add(".monitor.shims", AllocatedCode, address, bytes, 16);
        }

        return tail.Finish(packedManifest);
    }

    /// <summary>All trampolines, those that lie near each other in one piece: guards on jumps spread them over the window.</summary>
    static IEnumerable<(uint Address, byte[] Bytes)> Trampolines(PatchPlan plan)
    {
        List<Patch> patches = [.. plan.Patches.Where(p => p.Trampoline.Length != 0).OrderBy(p => p.TrampolineAddress)];
        for (int first = 0; first < patches.Count;)
        {
            int next = first + 1;
            while (next < patches.Count && patches[next].TrampolineAddress - EndOf(patches[next - 1]) < LargestGap)
            {
                next++;
            }

            uint start = patches[first].TrampolineAddress;
            var bytes = new byte[EndOf(patches[next - 1]) - start];
            Array.Fill(bytes, Filler);
            foreach (Patch patch in patches[first..next])
            {
                patch.Trampoline.Span.CopyTo(bytes.AsSpan((int)(patch.TrampolineAddress - start)));
            }

            yield return (start, bytes);
            first = next;
        }
    }

    static uint EndOf(Patch patch) => patch.TrampolineAddress + (uint)patch.Trampoline.Length;
}
