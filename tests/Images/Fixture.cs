namespace Tests.Images;

/// <summary>Committed input files and, where they have been downloaded, real kernels.</summary>
internal static class Fixture
{
    public static string Root { get; } = FindRoot();

    public static byte[] Bytes(string name) => File.ReadAllBytes(Path(name));

    public static string Path(string name) => System.IO.Path.Combine(Root, "tests", "Images", "Fixtures", name);

    /// <summary>A file that guest-kernels/debian/fetch.sh downloads; skips the test where it is not there.</summary>
    /// <param name="pattern">File name with wildcards; the first match by name counts.</param>
    public static string Downloaded(string pattern)
    {
        string cache = System.IO.Path.Combine(Root, "guest-kernels", "debian", "cache");
        string? file = Directory.Exists(cache) ? Directory.GetFileSystemEntries(cache, pattern).Order(StringComparer.Ordinal).FirstOrDefault() : null;
        Xunit.Assert.SkipWhen(file is null, $"{pattern} is not in guest-kernels/debian/cache: run guest-kernels/debian/fetch.sh");
        return file!;
    }

    static string FindRoot()
    {
        string? directory = AppContext.BaseDirectory;
        while (directory is not null && !File.Exists(System.IO.Path.Combine(directory, "Rewriter.sln")))
        {
            directory = System.IO.Path.GetDirectoryName(directory);
        }

        return directory ?? throw new DirectoryNotFoundException("Rewriter.sln");
    }
}
