// What `rewriter scan` says: a report object, then writers that only lay it out.
using Rewriter.Scanning;

namespace Rewriter.Audit;

/// <summary>A line of a scan report.</summary>
/// <param name="Symbol">With offset; null where unknown.</param>
/// <param name="Bytes">Lower-case hexadecimal.</param>
public sealed record ScanRow(ulong Address, string Section, string? Symbol, string Bytes, string Text, string Mnemonic, string Class,
    string Confidence);

/// <summary>Every sensitive site of an image, and totals.</summary>
public sealed record ScanReport(ImageSummary Image, IReadOnlyList<ScanRow> Sites, IReadOnlyList<SiteTotal> ByClass,
    IReadOnlyList<SiteTotal> ByMnemonic)
{
    public static ScanReport Of(ScanResult scan)
    {
        var disassembly = new Disassembly();
        return new ScanReport(
            ImageSummary.Of(scan.Image),
            [.. scan.Sites.Select(s => RowOf(s, disassembly))],
            SiteTotals.ByClass(scan.Sites),
            SiteTotals.ByMnemonic(scan.Sites));
    }

    public static ScanRow RowOf(SensitiveInstruction site, Disassembly disassembly) => new(
        site.Address,
        site.Section,
        site.Symbol,
        Convert.ToHexStringLower(site.Code.Span),
        disassembly.Format(site.Instruction),
        site.Instruction.Mnemonic.ToString().ToLowerInvariant(),
        site.Class.ToString().ToLowerInvariant(),
        site.Confidence.ToString().ToLowerInvariant());
}
