using System.Text.RegularExpressions;

namespace Rewriter.Commands;

/// <summary>Failures as MSBuild recognises them in what a program prints: "FILE(LINE,COLUMN): error CODE: what".</summary>
static partial class BuildError
{
    /// <summary>Of every failure that has no code of its own.</summary>
    const string Code = "GUEST002";

    /// <param name="image">The file that a failure is about if it names none.</param>
    public static string Of(string what, string image) =>
        ShimPlace().IsMatch(what) ? what
            : PolicyPlace().IsMatch(what) ? PolicyPlace().Replace(what, $"$1($2,$3): error {Code}: ")
            : $"{image} : error {Code}: {(what.StartsWith(image + ": ", StringComparison.Ordinal) ? what[(image.Length + 2)..] : what)}";

    [GeneratedRegex(@"^.+\(\d+,\d+\): error \w+: ")]
    private static partial Regex ShimPlace();

    [GeneratedRegex(@"^(.+?):(\d+):(\d+): ")]
    private static partial Regex PolicyPlace();
}
