// Shims that users write: a directory of C# files, read here, bound to an image by PackBinder, compiled with the generated ones.
using System.IO.Enumeration;
using System.Text;
using Rewriter.Images;

namespace Rewriter.Shims;

/// <summary>A shim pack as read.</summary>
/// <param name="Files">By path, relative to the pack's directory, with forward slashes.</param>
/// <param name="Directory">Where it was read from, for messages only.</param>
public sealed record ShimPack(IReadOnlyList<ShimFile> Files, string Directory = "")
{
    const int LargestPack = 1 << 20;

    /// <summary>Reads all .cs files below a directory; build output (bin, obj) is passed over.</summary>
    /// <exception cref="ShimPackException">No directory, nothing in it, too large, or unreadable.</exception>
    public static ShimPack Read(string directory)
    {
        try
        {
            string[] paths = [.. SourcesBelow(directory)
                .Select(path => Path.GetRelativePath(directory, path).Replace('\\', '/'))
                .Where(path => !path.Split('/').Any(part => part is "bin" or "obj"))
                .Order(StringComparer.Ordinal)];
            if (paths.Length == 0)
            {
                throw new ShimPackException($"{directory}: holds no .cs file");
            }

            int room = LargestPack;
            var files = new List<ShimFile>(paths.Length);
            foreach (string path in paths)
            {
                byte[] bytes = BoundedFile.TryRead(Path.Combine(directory, path), room)
                    ?? throw new ShimPackException($"{directory}: more than {LargestPack >> 20} MiB of C#");
                room -= bytes.Length;
                files.Add(new ShimFile(path, Text(bytes), IsFromPack: true));
            }

            return new ShimPack(files, directory);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            string why = File.Exists(directory) ? "is not a directory"
                : error is DirectoryNotFoundException ? "no such directory"
                : error.Message.TrimEnd('.');
            throw new ShimPackException($"{directory}: {why}");
        }
    }

    /// <summary>Diagnostics with paths as whoever called the program sees them.</summary>
    internal IEnumerable<ShimDiagnostic> Locate(IEnumerable<ShimDiagnostic> diagnostics) =>
        diagnostics.Select(diagnostic => diagnostic with { File = Path.Combine(Directory, diagnostic.File) });

    // A file may be a link; one to a directory could lead round in circles.
    static FileSystemEnumerable<string> SourcesBelow(string directory) => new(directory, (ref FileSystemEntry entry) => entry.ToFullPath(),
        new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0, IgnoreInaccessible = false })
    {
        ShouldIncludePredicate = (ref FileSystemEntry entry) => !entry.IsDirectory && entry.FileName.EndsWith(".cs", StringComparison.Ordinal),
        ShouldRecursePredicate = (ref FileSystemEntry entry) => (entry.Attributes & FileAttributes.ReparsePoint) == 0,
    };

    // The same text whatever the checkout did to its line ends: images are reproducible.
    static string Text(byte[] bytes) => new StreamReader(new MemoryStream(bytes), Encoding.UTF8).ReadToEnd().ReplaceLineEndings("\n");
}

/// <summary>A shim pack cannot be used. The message says where and why; one line for each finding.</summary>
public sealed class ShimPackException(string message) : Exception(message)
{
    public ShimPackException(IEnumerable<ShimDiagnostic> diagnostics)
        : this(string.Join('\n', diagnostics))
    {
    }
}
