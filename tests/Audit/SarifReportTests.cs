using System.Text.Json;
using Rewriter;
using Rewriter.Audit;
using Rewriter.Images;
using Rewriter.Scanning;
using Runtime.Abi;
using Tests.Images;
using Xunit;

namespace Tests.Audit;

/// <summary>SARIF logs have the standard's structure, and say where and what each site is.</summary>
public sealed class SarifReportTests
{
    static readonly KernelImage _image = KernelImage.Load("tiny kernel.elf", Fixture.Bytes("tiny.elf"));

    [Fact]
    public void AScanHasTheStandardsStructure() => Assert.Empty(SarifShape.Violations(Sarif(Scan(_image))));

    [Theory]
    [InlineData(ExecutionMode.Full)]
    [InlineData(ExecutionMode.Para)]
    public void AnAuditHasTheStandardsStructure(ExecutionMode mode) => Assert.Empty(SarifShape.Violations(Sarif(Audit(_image, mode))));

    [Fact]
    public void TheCheckOfTheStructureFindsFlaws()
    {
        JsonElement broken = JsonDocument.Parse("""{"version":"2.0.0","runs":[{"results":[{"message":{},"ruleIndex":-1,"x":1}]}]}""").RootElement;
        Assert.Equal(5, SarifShape.Violations(broken).Count);
    }

    [Fact]
    public void LocationsPointAtTheBytes()
    {
        ScanReport report = Scan(_image);
        JsonElement run = Sarif(report).GetProperty("runs")[0];
        Assert.Equal(report.Sites.Count, run.GetProperty("results").GetArrayLength());
        foreach ((ScanRow row, JsonElement result) in report.Sites.Zip(run.GetProperty("results").EnumerateArray()))
        {
            JsonElement location = result.GetProperty("locations")[0];
            JsonElement region = location.GetProperty("physicalLocation").GetProperty("region");
            ReadOnlySpan<byte> bytes = _image.File.Span.Slice(region.GetProperty("byteOffset").GetInt32(), region.GetProperty("byteLength").GetInt32());
            Assert.Equal(1, region.GetProperty("startLine").GetInt32()); // GitHub shows nothing that has no line
            Assert.Equal(row.Bytes, Convert.ToHexStringLower(bytes));
            JsonElement function = run.GetProperty("logicalLocations")[location.GetProperty("logicalLocations")[0].GetProperty("index").GetInt32()];
            Assert.Equal(FunctionName.Of(row.Symbol) ?? row.Section, function.GetProperty("name").GetString());
            JsonElement rule = run.GetProperty("tool").GetProperty("driver").GetProperty("rules")[result.GetProperty("ruleIndex").GetInt32()];
            Assert.Equal($"{row.Class}-{row.Mnemonic}", rule.GetProperty("id").GetString());
            Assert.Equal(rule.GetProperty("id").GetString(), result.GetProperty("ruleId").GetString());
        }
    }

    [Fact]
    public void ALevelGoesWithAFailureOnly()
    {
        JsonElement results = Sarif(Audit(_image, ExecutionMode.Full)).GetProperty("runs")[0].GetProperty("results");
        Assert.All(results.EnumerateArray(), r => Assert.Equal(r.GetProperty("kind").GetString() == "fail", r.GetProperty("level").GetString() != "none"));
        Assert.Contains(results.EnumerateArray(), r => r.GetProperty("kind").GetString() == "pass");
        Assert.Contains(results.EnumerateArray(), r => r.GetProperty("kind").GetString() == "informational");
    }

    /// <summary>The same code linked 64 KiB higher, with another instruction put before it: the sites keep their names.</summary>
    [Fact]
    public void FingerprintsOutliveARebuild()
    {
        byte[] code = [0x9C, 0xA3, 0x40, 0x10, 0x10, 0x00, 0xFA, 0x0F, 0x20, 0xC0, 0xFB, 0xC3]; // pushf; mov [101040h], eax; cli; mov eax, cr0; sti; ret
        byte[] moved = [0x90, .. code];
        moved[3] = 0x80; // another variable
        string[] before = Fingerprints(code), after = Fingerprints(moved);
        Assert.Equal(4, before.Distinct().Count());
        Assert.Equal(before, after);

        byte[] swapped = [.. code];
        (swapped[6], swapped[10]) = (swapped[10], swapped[6]);
        Assert.NotEqual(before, Fingerprints(swapped));
    }

    static string[] Fingerprints(byte[] code) => [.. Scan(KernelImage.Load("k", ImageBuilder.Multiboot(code))).Sites.Select(s => s.Fingerprint)];

    static ScanReport Scan(KernelImage image) => ScanReport.Of(Scanner.Scan(image));

    static AuditReport Audit(KernelImage image, ExecutionMode mode)
    {
        Rewriting rewriting = RewritePipeline.Rewrite(image, mode);
        return AuditReport.Of(image, rewriting.Plan, rewriting.Manifest);
    }

    static JsonElement Sarif(ScanReport report) => Written(stream => SarifReport.Write(stream, report));

    static JsonElement Sarif(AuditReport report) => Written(stream => SarifReport.Write(stream, report));

    static JsonElement Written(Action<Stream> write)
    {
        var stream = new MemoryStream();
        write(stream);
        return JsonDocument.Parse(stream.ToArray()).RootElement;
    }
}
