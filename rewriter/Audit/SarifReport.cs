// SARIF 2.1.0 (OASIS standard, 27 March 2020), for code-scanning viewers. One rule for each kind of sensitive instruction; section numbers
// in comments are the standard's.
using System.Text.Json;
using Rewriter.Scanning;

namespace Rewriter.Audit;

/// <summary>Writes reports as SARIF logs of one run.</summary>
public sealed class SarifReport
{
    const string Schema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
    const string FingerprintName = "sensitiveSite/v1";

    readonly Utf8JsonWriter _json;
    readonly ImageSummary _image;
    readonly SarifRules _rules;
    readonly Dictionary<(string Section, string? Function), int> _places = [];

    SarifReport(Utf8JsonWriter json, ImageSummary image, IEnumerable<ScanRow> rows)
    {
        _json = json;
        _image = image;
        _rules = new SarifRules(rows);
        foreach (ScanRow row in rows)
        {
            _places.TryAdd((row.Section, null), _places.Count);
            _places.TryAdd((row.Section, FunctionName.Of(row.Symbol)), _places.Count);
        }
    }

    public static void Write(Stream stream, ScanReport report) =>
        Write(stream, report.Image, report.Sites, sarif =>
        {
            foreach (ScanRow row in report.Sites)
            {
                sarif.WriteResult(row, SarifVerdict.Of(row), null);
            }
        });

    public static void Write(Stream stream, AuditReport report) =>
        Write(stream, report.Image, [.. report.Sites.Select(s => s.Site)], sarif =>
        {
            foreach (AuditSite site in report.Sites)
            {
                sarif.WriteResult(site.Site, SarifVerdict.Of(site), site);
            }
        });

    static void Write(Stream stream, ImageSummary image, IReadOnlyList<ScanRow> rows, Action<SarifReport> writeResults)
    {
        using var json = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true, NewLine = "\n" });
        var sarif = new SarifReport(json, image, rows);
        json.WriteStartObject();
        json.WriteString("$schema", Schema);
        json.WriteString("version", "2.1.0");
        json.WriteStartArray("runs");
        json.WriteStartObject();
        sarif._rules.WriteTool(json);
        sarif.WriteArtifacts();
        sarif.WriteLogicalLocations();
        json.WriteString("columnKind", "utf16CodeUnits");
        json.WriteStartArray("results");
        writeResults(sarif);
        json.WriteEndArray();
        json.WriteEndObject();
        json.WriteEndArray();
        json.WriteEndObject();
        json.Flush();
        stream.WriteByte((byte)'\n');
    }

    bool IsPacked => _image.Format == "bzimage";

    /// <summary>3.14.15: the file, and what is packed in it. Offsets are those of the last.</summary>
    void WriteArtifacts()
    {
        _json.WriteStartArray("artifacts");
        _json.WriteStartObject();
        _json.WriteStartObject("location");
        _json.WriteString("uri", Uri.EscapeDataString(_image.Name));
        _json.WriteEndObject();
        _json.WriteNumber("length", _image.Size);
        _json.WriteString("mimeType", "application/octet-stream");
        WriteStrings("roles", "analysisTarget");
        _json.WriteEndObject();
        if (IsPacked)
        {
            _json.WriteStartObject();
            _json.WriteStartObject("location");
            _json.WriteString("uri", "vmlinux");
            _json.WriteEndObject();
            _json.WriteNumber("parentIndex", 0);
            _json.WriteString("mimeType", "application/octet-stream");
            _json.WriteEndObject();
        }

        _json.WriteEndArray();
    }

    /// <summary>3.33: sections, and the functions in them.</summary>
    void WriteLogicalLocations()
    {
        _json.WriteStartArray("logicalLocations");
        foreach ((string section, string? function) in _places.Keys)
        {
            _json.WriteStartObject();
            _json.WriteString("name", function ?? section);
            _json.WriteString("fullyQualifiedName", function is null ? section : $"{section}!{function}");
            _json.WriteString("kind", function is null ? "module" : "function");
            if (function is not null)
            {
                _json.WriteNumber("parentIndex", _places[(section, null)]);
            }

            _json.WriteEndObject();
        }

        _json.WriteEndArray();
    }

    void WriteResult(ScanRow row, SarifVerdict verdict, AuditSite? site)
    {
        _json.WriteStartObject();
        _json.WriteString("ruleId", SarifRules.IdOf(row));
        _json.WriteNumber("ruleIndex", _rules.IndexOf(row));
        _json.WriteString("kind", verdict.Kind);
        _json.WriteString("level", verdict.Level);
        _json.WriteStartObject("message");
        _json.WriteString("text", $"{row.Text} in {row.Symbol ?? row.Section}: {verdict.Text}");
        _json.WriteEndObject();
        WriteLocation(row);
        _json.WriteStartObject("partialFingerprints");
        _json.WriteString(FingerprintName, row.Fingerprint);
        _json.WriteString("primaryLocationLineHash", row.Fingerprint + ":1"); // what GitHub tracks results by
        _json.WriteEndObject();
        _json.WriteStartObject("properties");
        _json.WriteString("class", row.Class);
        _json.WriteString("confidence", row.Confidence);
        _json.WriteString("bytes", row.Bytes);
        if (site is not null)
        {
            _json.WriteString("tactic", site.Tactic);
            _json.WriteString("shim", site.Shim);
            WriteOptional("reason", site.Reason);
            WriteOptional("hostShim", site.Method);
            WriteStrings("residualRisks", [.. site.Risks]);
        }

        _json.WriteEndObject();
        _json.WriteEndObject();
    }

    void WriteLocation(ScanRow row)
    {
        string? function = FunctionName.Of(row.Symbol);
        _json.WriteStartArray("locations");
        _json.WriteStartObject();
        _json.WriteStartObject("physicalLocation");
        _json.WriteStartObject("artifactLocation");
        _json.WriteString("uri", IsPacked ? "vmlinux" : Uri.EscapeDataString(_image.Name));
        _json.WriteNumber("index", IsPacked ? 1 : 0);
        _json.WriteEndObject();
        _json.WriteStartObject("region"); // 3.30.3: binary
        _json.WriteNumber("startLine", 1); // 3.30.4: says nothing of the bytes; GitHub shows no result without it
        _json.WriteNumber("byteOffset", row.FileOffset);
        _json.WriteNumber("byteLength", row.Bytes.Length / 2);
        _json.WriteEndObject();
        _json.WriteStartObject("address"); // 3.32
        if (row.Address <= long.MaxValue)
        {
            _json.WriteNumber("absoluteAddress", row.Address);
        }

        _json.WriteNumber("relativeAddress", row.SectionOffset);
        _json.WriteNumber("length", row.Bytes.Length / 2);
        _json.WriteString("kind", "instruction");
        _json.WriteString("fullyQualifiedName", $"{row.Section}+0x{row.SectionOffset:x}");
        _json.WriteEndObject();
        _json.WriteEndObject();
        _json.WriteStartArray("logicalLocations");
        _json.WriteStartObject();
        _json.WriteNumber("index", _places[(row.Section, function)]);
        _json.WriteString("fullyQualifiedName", function is null ? row.Section : $"{row.Section}!{function}");
        _json.WriteEndObject();
        _json.WriteEndArray();
        _json.WriteEndObject();
        _json.WriteEndArray();
    }

    void WriteOptional(string name, string? value)
    {
        if (value is not null)
        {
            _json.WriteString(name, value);
        }
    }

    void WriteStrings(string name, params string[] values)
    {
        _json.WriteStartArray(name);
        foreach (string value in values)
        {
            _json.WriteStringValue(value);
        }

        _json.WriteEndArray();
    }
}
