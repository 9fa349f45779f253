using Xunit;

namespace Tests.Shims;

/// <summary>Committed expected text.</summary>
internal static class Golden
{
    /// <summary>Compares with the file, or writes it when REWRITER_GOLDEN=write.</summary>
    public static void Check(string path, string actual)
    {
        if (Environment.GetEnvironmentVariable("REWRITER_GOLDEN") == "write")
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllText(path, actual);
        }

        Assert.Equal(File.ReadAllText(path), actual);
    }
}
