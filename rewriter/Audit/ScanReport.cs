// What `rewriter scan` says: a report object, then writers that only lay it out.
using Rewriter.Images;
using Rewriter.Scanning;

namespace Rewriter.Audit;

/// <summary>A line of a scan report.</summary>
/// <param name="Symbol">With offset; null where unknown.</param>
/// <param name="Bytes">Lower-case hexadecimal.</param>
/// <param name="SectionOffset">Bytes from the section's start.</param>
/// <param name="FileOffset">Where the bytes lie in the file, or in what it unpacks to (bzImage).</param>
/// <param name="Fingerprint">The same for the same site of another build; see <see cref="SiteFingerprints"/>.</param>
public sealed record ScanRow(ulong Address, string Section, string? Symbol, string Bytes, string Text, string Mnemonic, string Class,
    string Confidence, ulong SectionOffset, long FileOffset, string Fingerprint);

/// <summary>Every sensitive site of an image, and totals.</summary>
public sealed record ScanReport(ImageSummary Image, IReadOnlyList<ScanRow> Sites, IReadOnlyList<SiteTotal> ByClass,
    IReadOnlyList<SiteTotal> ByMnemonic)
{
    public static ScanReport Of(ScanResult scan)
    {
        var rows = new ScanRows(scan.Image);
        return new ScanReport(
            ImageSummary.Of(scan.Image),
            [.. scan.Sites.Select(rows.Next)],
            SiteTotals.ByClass(scan.Sites),
            SiteTotals.ByMnemonic(scan.Sites));
    }
}

/// <summary>Makes rows for the sites of an image, which have to come by address.</summary>
sealed class ScanRows(KernelImage image)
{
    readonly Disassembly _disassembly = new();
    readonly SiteFingerprints _fingerprints = new(image);

    public ScanRow Next(SensitiveInstruction site)
    {
        ImageSection section = image.SectionAt(site.Address)!;
        ulong offset = site.Address - section.Address;
        return new ScanRow(
            site.Address,
            site.Section,
            site.Symbol,
            Convert.ToHexStringLower(site.Code.Span),
            _disassembly.Format(site.Instruction),
            site.Instruction.Mnemonic.ToString().ToLowerInvariant(),
            site.Class.ToString().ToLowerInvariant(),
            site.Confidence.ToString().ToLowerInvariant(),
            offset,
            section.FileOffset + (long)offset,
            _fingerprints.Next(site));
    }
}
