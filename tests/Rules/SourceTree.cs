// The tracked files of the repository, as the rules see them.
using System.Diagnostics;
using Tests.Boot;

namespace Tests.Rules;

/// <param name="Path">Relative to the root, with forward slashes.</param>
internal sealed record SourceFile(string Path)
{
    private string? _text;

    public string Text => _text ??= File.ReadAllText(System.IO.Path.Combine(Repository.Root, Path));

    public IEnumerable<string> Lines => Text.Split('\n');

    public bool IsCSharp => Path.EndsWith(".cs", StringComparison.Ordinal);

    public bool IsIn(string folder) => Path.StartsWith(folder + "/", StringComparison.Ordinal);
}

internal static class SourceTree
{
    /// <summary>Files with readable text; the guest kernels' binaries are none.</summary>
    public static IReadOnlyList<SourceFile> Files { get; } = [.. Tracked().Where(path => !path.StartsWith("guest-kernels/bin/", StringComparison.Ordinal)).Select(path => new SourceFile(path))];

    public static IEnumerable<SourceFile> CSharp => Files.Where(file => file.IsCSharp);

    /// <summary>What git would commit; without git, everything but build output.</summary>
    private static IEnumerable<string> Tracked()
    {
        string[] paths = TryGit() ?? [.. Directory.EnumerateFiles(Repository.Root, "*", SearchOption.AllDirectories)
            .Select(path => Path.GetRelativePath(Repository.Root, path).Replace('\\', '/'))
            .Where(path => !path.Split('/').Any(part => part is "bin" or "obj" or ".git" or ".vs" or "build" or "TestResults"))];
        return paths.Where(path => File.Exists(Path.Combine(Repository.Root, path)));
    }

    private static string[]? TryGit()
    {
        try
        {
            var start = new ProcessStartInfo("git", ["-C", Repository.Root, "ls-files", "--cached", "--others", "--exclude-standard"])
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            };
            using Process git = Process.Start(start)!;
            string listing = git.StandardOutput.ReadToEnd();
            git.WaitForExit();
            return git.ExitCode == 0 ? listing.Split('\n', StringSplitOptions.RemoveEmptyEntries) : null;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }
}
