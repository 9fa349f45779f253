using Rewriter.Images;
using Rewriter.Patching;

namespace Rewriter.Rewritten;

/// <summary>Applies patches to the bytes of an image, and takes them back.</summary>
public static class ImagePatches
{
    /// <summary>The payload with all patches applied. What the image holds is not changed.</summary>
    public static byte[] Apply(KernelImage image, PatchPlan plan)
    {
        byte[] bytes = image.Payload.ToArray();
        foreach (Patch patch in plan.Patches)
        {
            patch.NewBytes.Span.CopyTo(bytes.AsSpan(FileOffset(image, patch.Address, patch.NewBytes.Length)));
        }

        return bytes;
    }

    /// <summary>Puts the original bytes back into a file whose layout is the original one; the patched bytes must be there.</summary>
    /// <exception cref="BadImageException">They are not, or a patch lies outside the image.</exception>
    public static void Undo(byte[] file, Manifest manifest)
    {
        // Layout comes from headers, which patches never touch: they lie in executable sections.
        KernelImage image = KernelImage.Load("", file);
        foreach (ManifestPatch patch in manifest.Patches)
        {
            if (patch is null)
            {
                throw new BadImageException("manifest lists a patch that is null");
            }

            int offset = FileOffset(image, patch.Address, patch.New.Length);
            if (patch.Original.Length != patch.New.Length || !file.AsSpan(offset, patch.New.Length).SequenceEqual(patch.New))
            {
                throw new BadImageException($"the bytes at 0x{patch.Address:x8} are not those of the patch", offset);
            }

            patch.Original.CopyTo(file, offset);
        }
    }

    /// <summary>Where the bytes at a linked address lie in the payload.</summary>
    /// <exception cref="BadImageException">Not wholly in the file-backed part of one executable section.</exception>
    public static int FileOffset(KernelImage image, ulong address, int length)
    {
        if (image.SectionAt(address) is { IsExecutable: true } section && address - section.Address <= (ulong)section.FileSize
            && (ulong)length <= (ulong)section.FileSize - (address - section.Address))
        {
            return (int)(section.FileOffset + (long)(address - section.Address));
        }

        throw new BadImageException($"a patch of {length} bytes at 0x{address:x8} lies outside the image's code");
    }
}
