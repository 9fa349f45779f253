namespace Rewriter.Audit;

/// <summary>Coverage as text: totals, and a line for each image with which something is wrong.</summary>
public sealed partial class TextReport
{
    public void Write(CoverageReport report)
    {
        foreach (CoverageRow image in report.Images)
        {
            if (image.Refused is not null)
            {
                Line($"{image.Path}: refused: {image.Refused}");
            }

            foreach (string violation in image.Violations)
            {
                Line($"{image.Path}: {violation}");
            }
        }

        WriteTable(["TACTIC", "REASON", "SITES", "SILENT"],
            report.ByTactic.Select(t => new[] { t.Tactic, t.Reason, Number(t.Sites), Number(t.Silent) }), 2, 3);
        Line();
        int with = report.Images.Count(i => i.ByTactic.Count != 0);
        Line($"{report.Images.Count} images, {with} with sensitive instructions, {report.Refused} refused; mode {report.Mode}; {report.Seconds:F1} s");
        Line($"{report.Sites} sites, {Percent(Share(report.Jumps, report.Sites))} by a jump; "
            + $"{report.Silent} silent, {Percent(Share(report.Silent - report.SilentLeft, report.Silent))} handled");
        if (report.Verified is int verified)
        {
            Line($"verified {verified} of {report.Images.Count - report.Refused} rewritten images");
        }
    }

    static double Share(int part, int whole) => whole == 0 ? 100 : 100.0 * part / whole;
}
