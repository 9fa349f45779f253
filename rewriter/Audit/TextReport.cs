// Reports as plain text. Totals come last, where a reader of a long list looks; on a terminal they are drawn as tables.
using System.Globalization;
using Rewriter.Rewritten;
using Spectre.Console;

namespace Rewriter.Audit;

/// <summary>Lays reports out as text.</summary>
/// <param name="console">Draws totals as tables; null for plain text.</param>
public sealed partial class TextReport(TextWriter writer, IAnsiConsole? console)
{
    public void Write(ScanReport report)
    {
        WriteSummary(report.Image);
        Line();
        var rows = new TextColumns();
        rows.Add("ADDRESS", "SECTION", "SYMBOL", "BYTES", "INSTRUCTION", "CLASS", "CONFIDENCE");
        foreach (ScanRow s in report.Sites)
        {
            rows.Add(Hex(s.Address), s.Section, s.Symbol ?? "-", s.Bytes, s.Text, s.Class, s.Confidence);
        }

        rows.WriteTo(writer);
        WriteTotals("CLASS", report.ByClass);
        WriteTotals("MNEMONIC", report.ByMnemonic);
        Line();
        Line($"{report.Sites.Count} sites");
    }

    public void Write(AuditReport report)
    {
        WriteSummary(report.Image);
        Line($"rewritten by {report.Tool}, mode {report.Mode}, {report.TrampolinePlace}");
        Line($"original sha256 {report.OriginalDigest}");
        Line($"shim assembly {report.AssemblySize} bytes, sha256 {report.AssemblyDigest}");
        if (report.Policy is { } policy)
        {
            Line($"policy {policy.Path}");
        }

        foreach (ManifestText file in report.Pack)
        {
            Line($"shim pack {file.Path}");
        }

        int shown = -1;
        foreach (AuditSite site in report.Sites)
        {
            WriteSite(site, report.Patches, ref shown);
        }

        WriteTotals("CLASS", report.ByClass);
        WriteTotals("MNEMONIC", report.ByMnemonic);
        WriteTable(
            ["TACTIC", "SITES", "PERCENT"],
            report.ByTactic.Select(t => new[] { t.Tactic, Number(t.Count), Percent(t.Percent) }), 1, 2);
        if (report.ByReason.Count != 0)
        {
            WriteTable(["TACTIC", "REASON", "SITES"], report.ByReason.Select(r => new[] { r.Tactic, r.Reason, Number(r.Count) }), 2);
        }

        Line();
        Line($"{report.Sites.Count} sites, {report.ProvenCount} proven, {report.Patches.Count} patches");
        Line($"silent sites handled: {Percent(report.HandledSilentPercent)}; sites taken over by a jump: {Percent(report.JumpPercent)}");
    }

    void WriteSite(AuditSite site, IReadOnlyList<AuditPatch> patches, ref int shown)
    {
        Line();
        ScanRow row = site.Site;
        Line($"{Hex(row.Address)}  {row.Section}  {row.Symbol ?? "-"}  {row.Bytes}  {row.Text}  ({row.Class}, {row.Confidence})");
        string shim = site.Shim.Length != 0 ? $", shim {site.Shim}" : "";
        Line($"  tactic {site.Tactic}{shim}{(site.Reason is null ? "" : $": {site.Reason}")}");
        if (site.Method is not null)
        {
            Line($"  host {site.Method}");
        }

        if (site.Patch is not int index)
        {
            return;
        }

        AuditPatch patch = patches[index];
        Line($"  patch {Hex(patch.Address)}  {patch.OriginalBytes} -> {patch.NewBytes}{(index == shown ? "  (above)" : "")}");
        if (index == shown)
        {
            return;
        }

        shown = index;
        WriteListing("original", patch.Original);
        WriteListing("new", patch.New);
        WriteListing("trampoline", patch.Trampoline);
    }

    void WriteListing(string title, IReadOnlyList<DisassemblyLine> lines)
    {
        foreach (DisassemblyLine line in lines)
        {
            Line($"    {title,-10}  {Hex(line.Address)}  {line.Bytes,-20}  {line.Text}");
        }
    }

    void WriteSummary(ImageSummary image)
    {
        Line($"{image.Name}: {image.Format}, {image.Bitness}-bit, {image.Size} bytes, entry {Hex(image.EntryPoint)}");
        Line($"{image.SectionCount} sections, {image.CodeBytes} bytes of code, {image.SymbolCount} symbols, "
            + $"{image.RelocationCount} relocations");
    }

    void WriteTotals(string heading, IReadOnlyList<SiteTotal> totals) => WriteTable(
        [heading, "HIGH", "MEDIUM", "LOW", "ALL"],
        totals.Select(t => new[] { t.Name, Number(t.High), Number(t.Medium), Number(t.Low), Number(t.All) }), 1, 2, 3, 4);

    void WriteTable(string[] headings, IEnumerable<string[]> rows, params int[] rightAligned)
    {
        Line();
        if (console is null)
        {
            var columns = new TextColumns();
            columns.Add(headings);
            foreach (string[] row in rows)
            {
                columns.Add(row);
            }

            columns.WriteTo(writer, rightAligned);
            return;
        }

        writer.Flush();
        var table = new Table { Border = TableBorder.Rounded };
        for (int i = 0; i < headings.Length; i++)
        {
            var column = new TableColumn(headings[i].ToLowerInvariant());
            table.AddColumn(rightAligned.Contains(i) ? column.RightAligned() : column);
        }

        foreach (string[] row in rows)
        {
            table.AddRow([.. row.Select(Markup.Escape)]);
        }

        console.Write(table);
    }

    void Line(string text = "")
    {
        writer.Write(text);
        writer.Write('\n');
    }

    static string Hex(ulong address) => address > uint.MaxValue ? $"0x{address:x16}" : $"0x{address:x8}";

    static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);

    static string Percent(double value) => value.ToString("0.00", CultureInfo.InvariantCulture) + " %";
}
