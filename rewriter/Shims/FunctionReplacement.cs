using System.Text.RegularExpressions;

namespace Rewriter.Shims;

/// <summary>What a method that replaces a guest function gives back; see <see cref="Runtime.Abi.Shims.ReplacesFunctionAttribute"/>.</summary>
public enum ReplacementResult
{
    Void,
    Uint,
    Bool,
}

/// <summary>A method of a shim pack that stands in for a guest function.</summary>
/// <param name="Method">Namespace, class and name.</param>
public sealed partial record FunctionReplacement(ReplacementResult Result, string Method)
{
    /// <summary>Name of the guest-side shim in plans and audits.</summary>
    public const string ShimName = "pack";

    /// <summary>As plans and manifests hold it, for example "pack uint Acme.Memory.Set".</summary>
    public override string ToString() => $"{ShimName} {Result.ToString().ToLowerInvariant()} {Method}";

    /// <summary>Reads what <see cref="ToString"/> wrote; null for anything else. Manifests are untrusted: a method is a plain name.</summary>
    public static FunctionReplacement? TryParse(string shim) => Pattern().Match(shim) is { Success: true } match
        ? new FunctionReplacement(Enum.Parse<ReplacementResult>(match.Groups[1].Value, ignoreCase: true), match.Groups[2].Value)
        : null;

    [GeneratedRegex(@"^pack (void|uint|bool) ([A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)+)\z", RegexOptions.CultureInvariant)]
    private static partial Regex Pattern();
}
