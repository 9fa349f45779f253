// What `rewriter coverage` says: how much of many images is taken over, and how.
using Rewriter.Patching;
using Rewriter.Scanning;

namespace Rewriter.Audit;

/// <summary>What became of one image. Sites are those that are proven to be code; what is only copied from where it is, is none.</summary>
/// <param name="Refused">Why it was not rewritten; null if it was.</param>
/// <param name="Violations">What verification found, with the places; empty where it was not asked for.</param>
public sealed record CoverageRow(string Path, IReadOnlyList<TacticCoverage> ByTactic, string? Refused, IReadOnlyList<string> Violations)
{
    public static CoverageRow Of(string path, PatchPlan plan, IReadOnlyList<string> violations) => new(
        path,
        [.. plan.Sites.Where(s => s.Site.Confidence != SiteConfidence.Low).GroupBy(s => (s.Tactic, s.Reason))
            .Select(g => new TacticCoverage(AuditReport.NameOf(g.Key.Tactic), g.Key.Reason ?? "", g.Count(), g.Count(s => s.Site.Class == SensitivityClass.Silent)))],
        null,
        violations);
}

/// <summary>Sites of one tactic, for one reason.</summary>
public sealed record TacticCoverage(string Tactic, string Reason, int Sites, int Silent);

/// <summary>Many images.</summary>
/// <param name="Mode">full or para.</param>
/// <param name="Verified">Images that passed verification; null where it was not asked for.</param>
/// <param name="Seconds">Elapsed.</param>
public sealed record CoverageReport(string Mode, IReadOnlyList<CoverageRow> Images, int? Verified, double Seconds)
{
    /// <summary>All images together, most sites first.</summary>
    public IReadOnlyList<TacticCoverage> ByTactic { get; } = [.. Images.SelectMany(i => i.ByTactic).GroupBy(t => (t.Tactic, t.Reason))
        .Select(g => new TacticCoverage(g.Key.Tactic, g.Key.Reason, g.Sum(t => t.Sites), g.Sum(t => t.Silent)))
        .OrderByDescending(t => t.Sites).ThenBy(t => t.Tactic, StringComparer.Ordinal).ThenBy(t => t.Reason, StringComparer.Ordinal)];

    public int Sites => ByTactic.Sum(t => t.Sites);
    public int Silent => ByTactic.Sum(t => t.Silent);
    public int SilentLeft => ByTactic.Where(t => t.Tactic == AuditReport.NameOf(PatchTactic.Leave)).Sum(t => t.Silent);

    /// <summary>Neither left nor made to trap.</summary>
    public int Jumps => Sites - ByTactic.Where(t => t.Tactic == AuditReport.NameOf(PatchTactic.Leave) || t.Tactic == AuditReport.NameOf(PatchTactic.Trap)).Sum(t => t.Sites);

    public int Refused => Images.Count(i => i.Refused is not null);
}
