// Shims that users write: a directory of C# files, read here, bound to an image by PackBinder, compiled with the generated ones.
using System.Text;

namespace Rewriter.Shims;

/// <summary>A shim pack as read.</summary>
/// <param name="Files">By path, relative to the pack's directory, with forward slashes.</param>
/// <param name="Directory">Where it was read from, for messages only.</param>
public sealed record ShimPack(IReadOnlyList<ShimFile> Files, string Directory = "")
{
    const long LargestPack = 1 << 20;

    /// <summary>Reads all .cs files below a directory; build output (bin, obj) is passed over.</summary>
    /// <exception cref="ShimPackException">No directory, nothing in it, too large, or unreadable.</exception>
    public static ShimPack Read(string directory)
    {
        try
        {
            string[] paths = [.. System.IO.Directory.EnumerateFiles(directory, "*.cs", SearchOption.AllDirectories)
                .Select(path => Path.GetRelativePath(directory, path).Replace('\\', '/'))
                .Where(path => !path.Split('/').Any(part => part is "bin" or "obj"))
                .Order(StringComparer.Ordinal)];
            if (paths.Length == 0)
            {
                throw new ShimPackException($"{directory}: holds no .cs file");
            }

            long size = paths.Sum(path => new FileInfo(Path.Combine(directory, path)).Length);
            return size <= LargestPack
                ? new ShimPack([.. paths.Select(path => new ShimFile(path, Text(Path.Combine(directory, path)), IsFromPack: true))], directory)
                : throw new ShimPackException($"{directory}: {size} bytes of C#, more than {LargestPack}");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            string why = error is DirectoryNotFoundException ? "no such directory"
                : File.Exists(directory) ? "is not a directory"
                : error.Message.TrimEnd('.');
            throw new ShimPackException($"{directory}: {why}");
        }
    }

    /// <summary>Diagnostics with paths as whoever called the program sees them.</summary>
    internal IEnumerable<ShimDiagnostic> Locate(IEnumerable<ShimDiagnostic> diagnostics) =>
        diagnostics.Select(diagnostic => diagnostic with { File = Path.Combine(Directory, diagnostic.File) });

    // The same text whatever the checkout did to its line ends: images are reproducible.
    static string Text(string path) => File.ReadAllText(path, Encoding.UTF8).ReplaceLineEndings("\n");
}

/// <summary>A shim pack cannot be used. The message says where and why; one line for each finding.</summary>
public sealed class ShimPackException(string message) : Exception(message)
{
    public ShimPackException(IEnumerable<ShimDiagnostic> diagnostics)
        : this(string.Join('\n', diagnostics))
    {
    }
}
