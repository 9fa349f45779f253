namespace Rewriter.Audit;

/// <summary>The survey's text: images without a site are only counted.</summary>
public sealed partial class TextReport
{
    public void Write(SurveyReport report)
    {
        List<string[]> rows = [.. report.Images.Where(i => i.Sites + i.Unproven != 0).Select(i => new[]
        {
            i.Path, i.Format, Long(i.CodeBytes), Number(i.Silent), Number(i.Trapping), Number(i.Leaking), Number(i.Unproven),
        })];
        int count = rows.Count;
        rows.Add(["all", "", Long(report.CodeBytes), Number(report.Silent), Number(report.Trapping), Number(report.Leaking), Number(report.Unproven)]);
        WriteTable(["IMAGE", "FORMAT", "CODE", "SILENT", "TRAPPING", "LEAKING", "UNPROVEN"], rows, 2, 3, 4, 5, 6);
        WriteTotals("MNEMONIC", report.ByMnemonic);
        Line();
        Line($"{report.Images.Count} images, {count} with sensitive instructions; {report.Failures.Count} could not be read; "
            + $"{report.OtherFiles} other files");
        Line($"{report.Silent + report.Trapping + report.Leaking} sites proven, {report.Silent} of them silent");
    }

    static string Long(long value) => value.ToString(System.Globalization.CultureInfo.InvariantCulture);
}
