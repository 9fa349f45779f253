// Names, sizes, first lines, and nothing in a tracked file that belongs to one machine.
using System.Text.RegularExpressions;
using Xunit;

namespace Tests.Rules;

public sealed class StyleTests
{
    private const int MaximumLines = 600;

    /// <summary>A function without a home is a missing type.</summary>
    [Fact]
    public void NoTypeIsNamedForNothing()
        => Report(Declarations(@"\b(?:class|struct|record|interface|enum)\s+(\w*(?:Utils?|Utility|Utilities|Helpers?|Manager|Common|Misc)\w*)")
            .Where(entry => Regex.IsMatch(entry.Name, @"(?<![a-z])(Utils?|Utility|Utilities|Helpers?|Manager|Common|Misc)(?![a-z])")).Select(entry => $"{entry.File.Path}: {entry.Name}"));

    [Fact]
    public void NoFileIsNamedForNothing()
        => Report(SourceTree.Files.Where(file => Regex.IsMatch(Path.GetFileNameWithoutExtension(file.Path), @"(?<![a-z])(Util|Utils|Helper|Helpers|Manager|Common|Misc)(?![a-z])")).Select(file => file.Path));

    [Fact]
    public void FilesAreShort()
        => Report(SourceTree.Files
            .Where(file => Regex.IsMatch(file.Path, @"\.(cs|c|h|S|sh)$") && !file.Path.Contains("/Cases/", StringComparison.Ordinal))
            .Select(file => (file.Path, Count: file.Text.AsSpan().Count('\n')))
            .Where(entry => entry.Count > MaximumLines).Select(entry => $"{entry.Path}: {entry.Count} lines"));

    /// <summary>A file says at its beginning, or at its first type, why it is there. Tests may say it by the name of the class.</summary>
    [Fact]
    public void FilesSayWhyTheyExist()
        => Report(SourceTree.CSharp
            .Where(file => !file.IsIn("tests") && file.Text.AsSpan().Count('\n') > 30
                && !file.Text.StartsWith("//", StringComparison.Ordinal) && !file.Text.Contains("/// <summary>", StringComparison.Ordinal))
            .Select(file => file.Path));

    /// <summary>Home directories, scratch folders and the hosts of private package feeds mean nothing elsewhere.</summary>
    [Fact]
    public void NoFileNamesAMachine()
    {
        // Written so that this file does not match itself.
        var pattern = new Regex(@"(?<![\w.""}])/(?:home|work|Users|root)/[\w.-]+/|[A-Za-z]:\\Users\\|https?://[\w.-]*(?:artifactory|nexus|jfrog|\.internal\b|\.local\b|localhost)", RegexOptions.CultureInvariant);
        Report(SourceTree.Files.Where(file => !file.Path.EndsWith("StyleTests.cs", StringComparison.Ordinal) && Regex.IsMatch(file.Path, @"\.(cs|csproj|props|json|md|sh|yml|yaml|config|txt|S|c|h)$|Makefile$|\.ci/"))
            .SelectMany(file => file.Lines.Where(line => pattern.IsMatch(line)).Select(line => $"{file.Path}: {line.Trim()}")));
    }

    [Fact]
    public void NoLineEndsInBlanks()
        => Report(SourceTree.Files.Where(file => Regex.IsMatch(file.Path, @"\.(cs|c|h|S|sh)$") && Regex.IsMatch(file.Text, @"[ \t]\r?$", RegexOptions.Multiline)).Select(file => file.Path));

    private static IEnumerable<(SourceFile File, string Name)> Declarations(string pattern)
        => SourceTree.CSharp.SelectMany(file => file.Lines
            .Where(line => !line.TrimStart().StartsWith("//", StringComparison.Ordinal))
            .SelectMany(line => Regex.Matches(line, pattern).Select(match => (file, match.Groups[1].Value))));

    private static void Report(IEnumerable<string> offenders)
    {
        string[] all = [.. offenders];
        Assert.True(all.Length == 0, $"{all.Length}:\n{string.Join('\n', all)}");
    }
}
