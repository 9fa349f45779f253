// The data of an HTML page, compact: each text is stored once and referred to by its index, rows are arrays. Page/page.js reads it.
using System.Text.Json;
using Rewriter.Scanning;

namespace Rewriter.Audit;

/// <summary>
/// Lays a report out as JSON. Indices into "strings" are marked s; -1 is none.
/// <code>
///   sites      [address, s section, s symbol, s bytes, s text, s mnemonic, s class, s confidence,
///               s tactic, s shim, s reason, patch, s method, [s risk ...]]
///   patches    [address, s tactic, trampoline address, [s bytes, s text, ...] original, new, trampoline]
///   functions  [s name, s section, first site, sites]
/// </code>
/// Addresses are hexadecimal strings: a 64-bit one is no JavaScript number.
/// </summary>
sealed class HtmlData
{
    readonly MemoryStream _stream = new();
    readonly Utf8JsonWriter _json;
    readonly Dictionary<string, int> _strings = [];

    HtmlData()
    {
        // The default encoder: "<", ">", "&", quotes and everything beyond ASCII as \uXXXX.
        _json = new Utf8JsonWriter(_stream);
    }

    public static byte[] Of(ScanReport report)
    {
        var data = new HtmlData();
        data._json.WriteStartObject();
        data._json.WriteString("kind", "scan");
        data.WriteImage(report.Image);
        data.WriteTotals("classes", report.ByClass);
        data.WriteTotals("mnemonics", report.ByMnemonic);
        data.WriteFunctions(report.Sites);
        data._json.WriteStartArray("sites");
        foreach (ScanRow row in report.Sites)
        {
            data.WriteSite(row, null);
        }

        data._json.WriteEndArray();
        return data.Finish();
    }

    public static byte[] Of(AuditReport report)
    {
        var data = new HtmlData();
        Utf8JsonWriter json = data._json;
        json.WriteStartObject();
        json.WriteString("kind", "audit");
        data.WriteImage(report.Image);
        data.WriteFacts(report);
        data.WriteTotals("classes", report.ByClass);
        data.WriteTotals("mnemonics", report.ByMnemonic);
        data.WriteRows("tactics", report.ByTactic, t =>
        {
            json.WriteStringValue(t.Tactic);
            json.WriteNumberValue(t.Count);
        });
        data.WriteRows("reasons", report.ByReason, r =>
        {
            json.WriteStringValue(r.Tactic);
            json.WriteNumberValue(r.Count);
            json.WriteStringValue(r.Reason);
        });
        data.WriteRows("risks", report.Risks, r =>
        {
            json.WriteStringValue(r.Level);
            json.WriteNumberValue(r.Count);
            json.WriteStringValue(r.Risk);
        });
        data.WriteRows("files", report.Policy is null ? report.Pack : [report.Policy, .. report.Pack], f =>
        {
            json.WriteStringValue(f.Path);
            json.WriteStringValue(f.Text);
        });
        data.WriteFunctions([.. report.Sites.Select(s => s.Site)]);
        json.WriteStartArray("sites");
        foreach (AuditSite site in report.Sites)
        {
            data.WriteSite(site.Site, site);
        }

        json.WriteEndArray();
        data.WriteRows("patches", report.Patches, data.WritePatch);
        return data.Finish();
    }

    void WriteImage(ImageSummary image) => WriteRows("image",
        [
            ("image", image.Name),
            ("format", $"{image.Format}, {image.Bitness}-bit, {image.Size:N0} bytes"),
            ("entry", $"0x{image.EntryPoint:x8}"),
            ("contents", $"{image.SectionCount} sections, {image.CodeBytes:N0} bytes of code, {image.SymbolCount:N0} symbols"),
        ], WriteFact);

    void WriteFacts(AuditReport report)
    {
        List<(string Name, string Value)> facts =
        [
            ("rewritten by", $"{report.Tool}, mode {report.Mode}, {report.TrampolinePlace}"),
            ("original sha256", report.OriginalDigest),
            ("shim assembly", $"{report.AssemblySize:N0} bytes, sha256 {report.AssemblyDigest}"),
        ];
        WriteRows("facts", facts, WriteFact);
        _json.WriteNumber("proven", report.ProvenCount);
        _json.WriteNumber("silentHandled", report.HandledSilentPercent);
        _json.WriteNumber("byJump", report.JumpPercent);
    }

    void WriteFact((string Name, string Value) fact)
    {
        _json.WriteStringValue(fact.Name);
        _json.WriteStringValue(fact.Value);
    }

    void WriteTotals(string name, IEnumerable<SiteTotal> totals) => WriteRows(name, totals, t =>
    {
        _json.WriteStringValue(t.Name);
        _json.WriteNumberValue(t.High);
        _json.WriteNumberValue(t.Medium);
        _json.WriteNumberValue(t.Low);
    });

    void WriteFunctions(IReadOnlyList<ScanRow> rows)
    {
        _json.WriteStartArray("functions");
        for (int first = 0; first < rows.Count;)
        {
            string? function = FunctionName.Of(rows[first].Symbol);
            int next = first + 1;
            while (next < rows.Count && rows[next].Section == rows[first].Section && FunctionName.Of(rows[next].Symbol) == function)
            {
                next++;
            }

            _json.WriteStartArray();
            WriteText(function);
            WriteText(rows[first].Section);
            _json.WriteNumberValue(first);
            _json.WriteNumberValue(next - first);
            _json.WriteEndArray();
            first = next;
        }

        _json.WriteEndArray();
    }

    void WriteSite(ScanRow row, AuditSite? site)
    {
        _json.WriteStartArray();
        _json.WriteStringValue($"{row.Address:x8}");
        foreach (string? text in (string?[])[row.Section, row.Symbol, row.Bytes, row.Text, row.Mnemonic, row.Class, row.Confidence])
        {
            WriteText(text);
        }

        if (site is not null)
        {
            WriteText(site.Tactic);
            WriteText(site.Shim);
            WriteText(site.Reason);
            _json.WriteNumberValue(site.Patch ?? -1);
            WriteText(site.Method);
            _json.WriteStartArray();
            foreach (string risk in site.Risks)
            {
                WriteText(risk);
            }

            _json.WriteEndArray();
        }

        _json.WriteEndArray();
    }

    void WritePatch(AuditPatch patch)
    {
        _json.WriteStringValue($"{patch.Address:x8}");
        WriteText(patch.Tactic);
        _json.WriteStringValue($"{patch.TrampolineAddress:x8}");
        foreach (IReadOnlyList<DisassemblyLine> listing in (IReadOnlyList<DisassemblyLine>[])[patch.Original, patch.New, patch.Trampoline])
        {
            _json.WriteStartArray();
            foreach (DisassemblyLine line in listing)
            {
                WriteText(line.Bytes);
                WriteText(line.Text);
            }

            _json.WriteEndArray();
        }
    }

    void WriteRows<T>(string name, IEnumerable<T> rows, Action<T> writeCells)
    {
        _json.WriteStartArray(name);
        foreach (T row in rows)
        {
            _json.WriteStartArray();
            writeCells(row);
            _json.WriteEndArray();
        }

        _json.WriteEndArray();
    }

    void WriteText(string? text)
    {
        if (text is null)
        {
            _json.WriteNumberValue(-1);
            return;
        }

        if (!_strings.TryGetValue(text, out int index))
        {
            _strings.Add(text, index = _strings.Count);
        }

        _json.WriteNumberValue(index);
    }

    byte[] Finish()
    {
        _json.WriteStartArray("strings");
        foreach (string text in _strings.Keys)
        {
            _json.WriteStringValue(text);
        }

        _json.WriteEndArray();
        _json.WriteEndObject();
        _json.Flush();
        return _stream.ToArray();
    }
}
