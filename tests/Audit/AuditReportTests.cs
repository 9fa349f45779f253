using Rewriter;
using Rewriter.Audit;
using Rewriter.Images;
using Rewriter.Scanning;
using Runtime.Abi;
using Tests.Images;
using Xunit;

namespace Tests.Audit;

/// <summary>Reports are complete and add up.</summary>
public sealed class AuditReportTests
{
    static readonly KernelImage _image = KernelImage.Load("tiny.elf", Fixture.Bytes("tiny.elf"));

    [Theory]
    [InlineData(ExecutionMode.Full)]
    [InlineData(ExecutionMode.Para)]
    public void EverySiteIsThereWithItsPatch(ExecutionMode mode)
    {
        Rewriting rewriting = RewritePipeline.Rewrite(_image, mode);
        AuditReport report = AuditReport.Of(_image, rewriting.Plan, rewriting.Manifest);
        Assert.Equal(rewriting.Scan.Sites.Select(s => s.Address), report.Sites.Select(s => s.Site.Address));
        Assert.Equal(report.Sites.Count, report.ByClass.Sum(t => t.All));
        Assert.Equal(report.Sites.Count, report.ByMnemonic.Sum(t => t.All));
        Assert.Equal(report.ProvenCount, report.ByTactic.Sum(t => t.Count));
        foreach (AuditSite site in report.Sites)
        {
            Assert.Equal(site.Tactic == "leave", site.Patch is null);
            if (site.Patch is int index)
            {
                AuditPatch patch = report.Patches[index];
                Assert.InRange(site.Site.Address, patch.Address, patch.Address + (ulong)(patch.NewBytes.Length / 2) - 1);
            }
        }
    }

    [Fact]
    public void GeneratedCodeIsShownWithItsSite()
    {
        Rewriting rewriting = RewritePipeline.Rewrite(_image, ExecutionMode.Full);
        AuditReport report = AuditReport.Of(_image, rewriting.Plan, rewriting.Manifest);
        AuditSite pushf = report.Sites.Single(s => s.Site.Mnemonic == "pushfd");
        Assert.Equal("trap", pushf.Tactic);
        Assert.Contains("PushFlags", pushf.Method, StringComparison.Ordinal);
    }

    /// <summary>Where a module and the monitor's window will be is known to the guest that loads it.</summary>
    [Fact]
    public void AModuleHasNoWindow()
    {
        KernelImage module = KernelImage.Load("module.o", Fixture.Bytes("module.o"));
        Rewriting rewriting = RewritePipeline.Rewrite(module, ExecutionMode.Para);
        var text = new StringWriter();
        new TextReport(text, null).Write(AuditReport.Of(module, rewriting.Plan, rewriting.Manifest));
        Assert.Contains("mode para, trampolines behind the code of their sections\n", text.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("window", text.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void ListingsCoverTheBytes()
    {
        Rewriting rewriting = RewritePipeline.Rewrite(_image, ExecutionMode.Para);
        AuditReport report = AuditReport.Of(_image, rewriting.Plan, rewriting.Manifest);
        Assert.All(report.Patches, p => Assert.Equal(p.OriginalBytes, string.Concat(p.Original.Select(l => l.Bytes))));
        Assert.All(report.Patches, p => Assert.Equal(p.NewBytes, string.Concat(p.New.Select(l => l.Bytes))));
    }

    [Fact]
    public void WritersAgree()
    {
        ScanReport report = ScanReport.Of(Scanner.Scan(_image));
        var text = new StringWriter();
        new TextReport(text, null).Write(report);
        var json = new MemoryStream();
        JsonReport.Write(json, report);
        string jsonText = System.Text.Encoding.UTF8.GetString(json.ToArray());
        Assert.All(report.Sites, s =>
        {
            Assert.Contains($"0x{s.Address:x8}", text.ToString(), StringComparison.Ordinal);
            Assert.Contains($"\"address\": {s.Address}", jsonText, StringComparison.Ordinal);
        });
    }
}
