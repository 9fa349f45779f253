namespace Runtime.Commands;

/// <summary>How to start this program again: it is either a native host of its own or a library that <c>dotnet</c> runs.</summary>
internal static class OwnProgram
{
    public static string Path => Environment.ProcessPath ?? throw new InvalidOperationException("the host does not tell the path of this process");

    /// <summary>What comes before the arguments proper.</summary>
    public static IReadOnlyList<string> Arguments => IsDotnet ? [typeof(OwnProgram).Assembly.Location] : [];

    private static bool IsDotnet => string.Equals(System.IO.Path.GetFileNameWithoutExtension(Path), "dotnet", StringComparison.Ordinal);
}
