using System.CommandLine.Parsing;

namespace Rewriter.Commands;

/// <summary>Values of an enumeration as words of the command line, in lower case.</summary>
static class Choice
{
    /// <summary>The word for a value.</summary>
    public static string NameOf<T>(T value) where T : struct, Enum => value.ToString().ToLowerInvariant();

    /// <summary>All the words: "text|json", as help shows them.</summary>
    public static string HelpName<T>(params T[] values) where T : struct, Enum => string.Join('|', values.Select(NameOf));

    /// <summary>Parses one of some values, in any case; for whatever else an error lists them.</summary>
    /// <param name="what">The option or argument, as it is to be named.</param>
    public static T? Parse<T>(ArgumentResult result, string what, params T[] values) where T : struct, Enum
    {
        string text = result.Tokens.Count == 1 ? result.Tokens[0].Value : "";
        foreach (T value in values)
        {
            if (NameOf(value).Equals(text, StringComparison.OrdinalIgnoreCase))
            {
                return value;
            }
        }

        result.AddError($"{what} is {string.Join(", ", values[..^1].Select(NameOf))} or {NameOf(values[^1])}, not '{text}'");
        return null;
    }
}
