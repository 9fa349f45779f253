using System.Text.Json;
using Rewriter.Scanning;

namespace Rewriter.Audit;

/// <summary>The rules of a SARIF log: one for each kind of sensitive instruction, named by class and mnemonic ("silent-pushfd").</summary>
sealed class SarifRules
{
    readonly Dictionary<string, int> _index = [];
    readonly List<ScanRow> _examples = [];

    /// <param name="rows">Sites; rules without one are not written.</param>
    public SarifRules(IEnumerable<ScanRow> rows)
    {
        foreach (ScanRow row in rows.DistinctBy(IdOf).OrderBy(IdOf, StringComparer.Ordinal))
        {
            _index.Add(IdOf(row), _examples.Count);
            _examples.Add(row);
        }
    }

    public static string IdOf(ScanRow row) => $"{row.Class}-{row.Mnemonic}";

    public int IndexOf(ScanRow row) => _index[IdOf(row)];

    /// <summary>3.14.6: the tool with its rules.</summary>
    public void WriteTool(Utf8JsonWriter json)
    {
        string version = typeof(SarifRules).Assembly.GetName().Version!.ToString(3);
        json.WriteStartObject("tool");
        json.WriteStartObject("driver");
        json.WriteString("name", "rewriter");
        json.WriteString("version", version);
        json.WriteString("semanticVersion", version);
        json.WriteStartArray("rules");
        foreach (ScanRow row in _examples)
        {
            WriteRule(json, row);
        }

        json.WriteEndArray();
        json.WriteEndObject();
        json.WriteEndObject();
    }

    static void WriteRule(Utf8JsonWriter json, ScanRow row)
    {
        string reason = SensitivityTable.ReasonOf(row.Mnemonic) ?? row.Class;
        string consequence = row.Class switch
        {
            "silent" => "It does not trap in ring 3, and does or shows something else there than in ring 0.",
            "leaking" => "It works in ring 3, and shows the host.",
            _ => "It raises an exception in ring 3: it is emulated at the cost of a trap, or replaced by a shim.",
        };
        json.WriteStartObject();
        json.WriteString("id", IdOf(row));
        json.WriteString("name", Pascal(row.Class) + Pascal(row.Mnemonic));
        WriteText(json, "shortDescription", $"{row.Mnemonic}: {reason}");
        WriteText(json, "fullDescription", $"{row.Mnemonic}: {reason}. {consequence}");
        WriteText(json, "help", $"{consequence} rewriter rewrite --mode para replaces it; a policy can leave or forbid it.");
        json.WriteStartObject("defaultConfiguration");
        json.WriteString("level", SarifVerdict.LevelOf(row.Class));
        json.WriteEndObject();
        json.WriteStartObject("properties");
        json.WriteStartArray("tags");
        json.WriteStringValue(row.Class);
        json.WriteEndArray();
        json.WriteString("precision", "high");
        json.WriteEndObject();
        json.WriteEndObject();
    }

    static void WriteText(Utf8JsonWriter json, string name, string text)
    {
        json.WriteStartObject(name);
        json.WriteString("text", text);
        json.WriteEndObject();
    }

    static string Pascal(string name) => char.ToUpperInvariant(name[0]) + name[1..];
}
