using System.IO.Enumeration;
using Rewriter.Scanning;

namespace Rewriter.Policies;

/// <summary>What a rule says of the sites that it matches.</summary>
public enum PolicyAction
{
    /// <summary>Taken over, as without a policy.</summary>
    Patch,

    /// <summary>Left as it is: it traps by itself, or runs as hardware runs it.</summary>
    Leave,

    /// <summary>The image must not have it: rewriting fails.</summary>
    Forbid,
}

/// <summary>One rule: "wrmsr in native_*: forbid".</summary>
/// <param name="What">A mnemonic ("rdtsc"), a class ("silent", "leaking", "trapping"), or "*" for every site; lower case.</param>
/// <param name="Function">A name in which * and ? stand for any characters; null for every function.</param>
/// <param name="First">First linked address, with <paramref name="Last"/>; null for every address.</param>
/// <param name="Text">As written.</param>
/// <param name="Line">Of the policy, from 1.</param>
/// <param name="Column">From 1.</param>
public sealed record PolicyRule(string What, string? Function, ulong? First, ulong? Last, PolicyAction Action, string Text, int Line,
    int Column)
{
    public bool Matches(SensitiveInstruction site)
    {
        string mnemonic = site.Instruction.Mnemonic.ToString();
        return (What == "*" || What.Equals(mnemonic, StringComparison.OrdinalIgnoreCase)
                || What.Equals(site.Class.ToString(), StringComparison.OrdinalIgnoreCase))
            && (First is null || (site.Address >= First && site.Address <= Last))
            && (Function is null || FileSystemName.MatchesSimpleExpression(Function, FunctionOf(site), ignoreCase: false));
    }

    static string FunctionOf(SensitiveInstruction site) => FunctionName.Of(site.Symbol) ?? "";
}
