namespace Runtime.Loading;

/// <summary>What is wrong with a file that a user named, in words that fit into a line.</summary>
internal static class FileTrouble
{
    /// <summary>Whether an exception says something about a file, rather than about this program.</summary>
    public static bool Is(Exception exception) => exception is IOException or UnauthorizedAccessException;

    /// <param name="path">The file, whose name the words leave out.</param>
    public static string Reason(Exception exception, string path) => exception switch
    {
        FileNotFoundException or DirectoryNotFoundException => "no such file or directory",
        _ when Directory.Exists(path) => "a directory",
        UnauthorizedAccessException => "permission denied",
        _ => exception.Message.Replace($" : '{Path.GetFullPath(path)}'", "", StringComparison.Ordinal).TrimEnd('.'),
    };
}
