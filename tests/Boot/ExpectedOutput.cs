// A guest kernel's expected serial output: text, or a regular expression per line when the file begins with "# regex".
using System.Text.RegularExpressions;

namespace Tests.Boot;

/// <summary>One expected*.txt of a guest kernel's folder.</summary>
internal sealed class ExpectedOutput
{
    private readonly string[] _lines;
    private readonly bool _isRegex;

    private ExpectedOutput(string[] lines)
    {
        _isRegex = lines[0] == "# regex";
        _lines = _isRegex ? lines[1..] : lines;
    }

    public static ExpectedOutput Read(string folder, string name)
        => new(File.ReadAllLines(Path.Combine(Repository.GuestKernels, folder, name)));

    /// <summary>The same with each line changed.</summary>
    public ExpectedOutput With(string old, string changed)
        => new([.. _isRegex ? ["# regex"] : Array.Empty<string>(), .. _lines.Select(line => line.Replace(old, changed, StringComparison.Ordinal))]);

    /// <summary>The first line that differs, with both texts; null when there is none.</summary>
    public string? FirstDifference(string serial)
    {
        string[] found = serial.Replace("\r", "", StringComparison.Ordinal).TrimEnd('\n').Split('\n');
        for (int i = 0; i < Math.Max(found.Length, _lines.Length); i++)
        {
            string expected = i < _lines.Length ? _lines[i] : "(the end)", seen = i < found.Length ? found[i] : "(the end)";
            bool equal = i < found.Length && i < _lines.Length
                && (_isRegex ? Regex.IsMatch(seen, $"^(?:{expected})$", RegexOptions.CultureInvariant) : seen == expected);
            if (!equal)
            {
                return $"line {i + 1} is\n  {seen}\ninstead of\n  {expected}";
            }
        }

        return null;
    }
}
