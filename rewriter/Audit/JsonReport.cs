using System.Text.Json;
using System.Text.Json.Serialization;
using Rewriter.Diff;
using Rewriter.Verification;

namespace Rewriter.Audit;

/// <summary>Reports as JSON: the report records themselves, names in camel case, addresses as numbers.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true, NewLine = "\n")]
[JsonSerializable(typeof(ScanReport))]
[JsonSerializable(typeof(AuditReport))]
[JsonSerializable(typeof(SurveyReport))]
[JsonSerializable(typeof(CoverageReport))]
[JsonSerializable(typeof(VerificationReport))]
[JsonSerializable(typeof(ImageDiff))]
public sealed partial class JsonReport : JsonSerializerContext
{
    public static void Write(Stream stream, ScanReport report) =>
        Write(stream, JsonSerializer.SerializeToUtf8Bytes(report, Default.ScanReport));

    public static void Write(Stream stream, AuditReport report) =>
        Write(stream, JsonSerializer.SerializeToUtf8Bytes(report, Default.AuditReport));

    public static void Write(Stream stream, SurveyReport report) =>
        Write(stream, JsonSerializer.SerializeToUtf8Bytes(report, Default.SurveyReport));

    public static void Write(Stream stream, CoverageReport report) =>
        Write(stream, JsonSerializer.SerializeToUtf8Bytes(report, Default.CoverageReport));

    public static void Write(Stream stream, VerificationReport report) =>
        Write(stream, JsonSerializer.SerializeToUtf8Bytes(report, Default.VerificationReport));

    public static void Write(Stream stream, ImageDiff diff) => Write(stream, JsonSerializer.SerializeToUtf8Bytes(diff, Default.ImageDiff));

    static void Write(Stream stream, byte[] json)
    {
        stream.Write(json);
        stream.WriteByte((byte)'\n');
    }
}
