// The file that a user names: a kernel, or a kernel that the rewriter has been over.
using Rewriter.Images;
using Rewriter.Patching;
using Rewriter.Rewritten;

namespace Runtime.Loading;

/// <summary>A kernel and what a rewriter prepared for it.</summary>
/// <param name="Kernel">The original image: what guest RAM gets.</param>
/// <param name="Plan">Its patches, validated against the image; null for an unmodified kernel.</param>
/// <param name="Manifest">Where the plan came from.</param>
public sealed record GuestImage(KernelImage Kernel, PatchPlan? Plan, Manifest? Manifest)
{
    /// <exception cref="BadImageException">Missing, malformed, of no supported format, or doctored after it was rewritten.</exception>
    public static GuestImage Open(string path)
    {
        byte[] file = KernelImage.ReadFile(path);
        string name = Path.GetFileName(path);
        return RewrittenImage.TryOpen(name, file, out KernelImage original, out PatchPlan plan, out Manifest manifest)
            ? new GuestImage(original, plan, manifest)
            : new GuestImage(KernelImage.Load(name, file), null, null);
    }
}
