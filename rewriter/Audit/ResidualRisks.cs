// What an auditor still has to know about a site that was dealt with, or was not.
using Rewriter.Patching;

namespace Rewriter.Audit;

/// <summary>A risk that remains, and how many sites have it.</summary>
/// <param name="Level">"error": the guest goes wrong; "warning": it may; "note": it costs time.</param>
public sealed record RiskTotal(string Level, string Risk, int Count);

/// <summary>The residual risks of sites, from tactic, class and reason alone.</summary>
public static class ResidualRisks
{
    public const string Error = "error";
    public const string Warning = "warning";
    public const string Note = "note";

    const string SilentLeft = "fails silently in ring 3 and was left as it is: the guest goes wrong here";
    const string LeakLeft = "shows the host to the guest and was left as it is";
    const string TrapLeft = "left to trap by itself: each execution costs a trap";
    const string PolicyLeft = "left as it is because the policy says so";
    const string PackReplaced = "a function of the guest's that does not run: what it does instead is in the shim pack";
    const string Suspected = "not proven to be code: if it is executed, it is taken over at run time";
    const string Copied = "a template: what the kernel copies from here is taken over where it lands, at run time";
    const string Trapped = "no room for a jump: each execution costs a trap";
    const string KnownTarget = "a known branch leads into the overwritten range: each such branch costs a trap";
    const string ShortJump = "taken over through a second jump: both must stay in place together";

    /// <summary>Level and wording of each risk, the gravest first.</summary>
    public static IEnumerable<(string Level, string Risk)> Of(string sensitivity, string confidence, string tactic, string? reason)
    {
        bool isCopied = reason is not null && (reason.Contains("copied", StringComparison.Ordinal)
            || reason.Contains("template", StringComparison.Ordinal));
        if (sensitivity == "replaced")
        {
            yield return (Note, PackReplaced);
        }

        if (tactic == "leave" && reason?.StartsWith(PlannedSite.PolicyPrefix, StringComparison.Ordinal) == true)
        {
            yield return (sensitivity == "silent" ? Warning : Note, PolicyLeft);
        }
        else if (tactic == "leave")
        {
            yield return isCopied ? (Note, Copied)
                : confidence == "low" ? (Warning, Suspected)
                : sensitivity == "silent" ? (Error, SilentLeft)
                : sensitivity == "leaking" ? (Warning, LeakLeft)
                : (Note, TrapLeft);
        }
        else if (tactic == "trap")
        {
            yield return (Note, Trapped);
        }
        else if (tactic == "short-jump")
        {
            yield return (Note, ShortJump);
        }

        if (reason is not null && char.IsAsciiDigit(reason[0]) && reason.Contains(" known target", StringComparison.Ordinal))
        {
            yield return (Note, KnownTarget);
        }
    }

    /// <summary>Risks of all sites, the gravest first.</summary>
    public static IReadOnlyList<RiskTotal> Totals(IEnumerable<AuditSite> sites) =>
        [.. sites.SelectMany(s => Of(s.Site.Class, s.Site.Confidence, s.Tactic, s.Reason))
            .GroupBy(r => r)
            .Select(g => new RiskTotal(g.Key.Level, g.Key.Risk, g.Count()))
            .OrderBy(t => t.Level == Error ? 0 : t.Level == Warning ? 1 : 2).ThenByDescending(t => t.Count)
            .ThenBy(t => t.Risk, StringComparer.Ordinal)];
}
