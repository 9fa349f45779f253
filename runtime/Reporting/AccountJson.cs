using System.Text.Json;
using System.Text.Json.Serialization;
using Runtime.Accounts;

namespace Runtime.Reporting;

/// <summary>A host's accounts as JSON, written and read back.</summary>
internal static class AccountJson
{
    public static string Write(HostReport report) => JsonSerializer.Serialize(report, AccountJsonContext.Default.HostReport) + "\n";

    /// <exception cref="JsonException">It is none of ours.</exception>
    public static HostReport Read(string json) => JsonSerializer.Deserialize(json, AccountJsonContext.Default.HostReport) ?? throw new JsonException("empty");
}

/// <summary>Serialization code generated at compile time.</summary>
[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(HostReport))]
internal sealed partial class AccountJsonContext : JsonSerializerContext;
