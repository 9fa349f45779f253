// The parts of SARIF 2.1.0 that reports use, as a table: an object per line, its properties, "!" for a required one. The official schema
// was used while this was written; this keeps what it said.
using System.Text.Json;

namespace Tests.Audit;

/// <summary>Checks the structure of a SARIF log: no unknown property, none missing, right types and enumerations.</summary>
internal static class SarifShape
{
    static readonly Dictionary<string, Dictionary<string, string>> _objects = Parse("""
        log: $schema=uri version!=2.1.0 runs!=[run]
        run: tool!=tool artifacts=[artifact] logicalLocations=[logicalLocation] columnKind=utf16CodeUnits|unicodeCodePoints results=[result] properties=bag
        tool: driver!=component
        component: name!=string version=string semanticVersion=string rules=[rule]
        rule: id!=string name=string shortDescription=message fullDescription=message help=message defaultConfiguration=configuration properties=bag
        configuration: level=none|note|warning|error
        message: text!=string
        artifact: location=artifactLocation parentIndex=index length=index mimeType=string roles=[role]
        artifactLocation: uri=uri index=index
        logicalLocation: name=string fullyQualifiedName=string kind=string parentIndex=index index=index
        result: ruleId=string ruleIndex=index kind=notApplicable|pass|fail|review|open|informational level=none|note|warning|error message!=message locations=[location] partialFingerprints=strings properties=bag
        location: physicalLocation=physicalLocation logicalLocations=[logicalLocation]
        physicalLocation: artifactLocation=artifactLocation region=region address=address
        region: startLine=index byteOffset=index byteLength=index
        address: absoluteAddress=index relativeAddress=integer length=integer kind=string fullyQualifiedName=string
        role: analysisTarget
        """);

    public static IReadOnlyList<string> Violations(JsonElement log)
    {
        var violations = new List<string>();
        Check("log", log, "$", violations);
        return violations;
    }

    static Dictionary<string, Dictionary<string, string>> Parse(string table) => table.Split('\n', StringSplitOptions.RemoveEmptyEntries)
        .Select(line => line.Split(": ", 2))
        .Where(parts => parts[1].Contains('='))
        .ToDictionary(parts => parts[0].Trim(), parts => parts[1].Split(' ').Select(p => p.Split('=', 2)).ToDictionary(p => p[0], p => p[1]));

    static void Check(string kind, JsonElement value, string path, List<string> violations)
    {
        if (kind[0] == '[')
        {
            if (value.ValueKind != JsonValueKind.Array)
            {
                violations.Add($"{path}: not an array");
                return;
            }

            int index = 0;
            foreach (JsonElement item in value.EnumerateArray())
            {
                Check(kind[1..^1], item, $"{path}[{index++}]", violations);
            }
        }
        else if (_objects.TryGetValue(kind, out Dictionary<string, string>? properties))
        {
            CheckObject(properties, value, path, violations);
        }
        else if (!Is(kind, value))
        {
            violations.Add($"{path}: {value} is no {kind}");
        }
    }

    static void CheckObject(Dictionary<string, string> properties, JsonElement value, string path, List<string> violations)
    {
        foreach (JsonProperty property in value.EnumerateObject())
        {
            if (properties.GetValueOrDefault(property.Name) is string kind || properties.TryGetValue(property.Name + "!", out kind!))
            {
                Check(kind, property.Value, $"{path}.{property.Name}", violations);
            }
            else
            {
                violations.Add($"{path}: unknown property {property.Name}");
            }
        }

        violations.AddRange(properties.Keys.Where(k => k.EndsWith('!') && !value.TryGetProperty(k[..^1], out _)).Select(k => $"{path}: {k} is missing"));
    }

    static bool Is(string kind, JsonElement value) => kind switch
    {
        "string" => value.ValueKind == JsonValueKind.String,
        "uri" => value.ValueKind == JsonValueKind.String && Uri.IsWellFormedUriString(value.GetString(), UriKind.RelativeOrAbsolute),
        "integer" => value.TryGetInt64(out _),
        "index" => value.TryGetInt64(out long number) && number >= 0,
        "bag" => value.ValueKind == JsonValueKind.Object,
        "strings" => value.ValueKind == JsonValueKind.Object && value.EnumerateObject().All(p => p.Value.ValueKind == JsonValueKind.String),
        "role" => value.GetString() == "analysisTarget",
        _ => kind.Split('|').Contains(value.GetString()),
    };
}
