// Verifications and comparisons as text.
using Rewriter.Diff;
using Rewriter.Verification;

namespace Rewriter.Audit;

public sealed partial class TextReport
{
    public void Write(VerificationReport report)
    {
        foreach (Violation violation in report.Violations)
        {
            Line($"{violation.Check}: {violation.Place}: {violation.What}");
        }

        int failed = report.Checks.Sum(check => check.Failed);
        if (failed > report.Violations.Count)
        {
            Line($"and {failed - report.Violations.Count} more");
        }

        WriteTable(["CHECK", "CHECKED", "", "FAILED", "MEANING"],
            report.Checks.Select(c => new[] { c.Name, $"{c.Checked}", c.Of, Number(c.Failed), c.Meaning }), 1, 3);
        Line();
        Line($"{report.Image}: {(report.IsGood ? "verified" : $"not verified: {failed} violation(s)")}");
    }

    public void Write(ImageDiff diff)
    {
        foreach (FunctionDiff function in diff.Functions)
        {
            Line($"{function.Section}  {function.Function ?? "-"}");
            foreach (SiteChange change in function.Changes)
            {
                Line($"  {Describe(change)}");
            }
        }

        if (diff.Totals.Count != 0)
        {
            WriteTable(["CHANGE", "SITES"], diff.Totals.Select(t => new[] { t.Kind, Number(t.Count) }), 1);
            Line();
        }

        Line($"{diff.Old}: {diff.OldSites} sites; {diff.New}: {diff.NewSites} sites; {diff.Unchanged} unchanged");
    }

    static string Describe(SiteChange change) => change.Kind switch
    {
        "gone" => $"- {Hex(change.OldAddress!.Value)}  {change.Text}  ({change.Old})",
        "new" => $"+ {Hex(change.NewAddress!.Value)}  {change.Text}  ({change.New})",
        _ => $"~ {Hex(change.OldAddress!.Value)} -> {Hex(change.NewAddress!.Value)}  {change.Text}  {change.Kind}: {change.Old} -> {change.New}",
    };
}
