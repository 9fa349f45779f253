using Rewriter.Images;
using Rewriter.Rewritten;

namespace Rewriter.Commands;

/// <summary>Loads the original image, whether the file is that or a rewritten one.</summary>
static class RewrittenOrPlain
{
    public static KernelImage Load(FileInfo file) => Load(file.Name, ReadFile(file));

    public static KernelImage Load(string name, ReadOnlyMemory<byte> bytes) =>
        RewrittenImage.TryOpen(name, bytes, out KernelImage original, out _, out _) ? original : KernelImage.Load(name, bytes);

    /// <exception cref="BadImageException">It cannot be read.</exception>
    public static byte[] ReadFile(FileInfo file) => ImageLoader.ReadFile(file.FullName);
}
