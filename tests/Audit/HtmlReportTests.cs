using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Rewriter;
using Rewriter.Audit;
using Rewriter.Images;
using Runtime.Abi;
using Tests.Images;
using Xunit;

namespace Tests.Audit;

/// <summary>The page stands alone, and nothing from an image becomes markup or script.</summary>
public sealed class HtmlReportTests
{
    const string Hostile = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&\u2028";

    static readonly KernelImage _image = KernelImage.Load("tiny.elf", Fixture.Bytes("tiny.elf"));

    [Fact]
    public void ThePageRefersToNothingOutside()
    {
        string page = Page(Report());
        Assert.DoesNotMatch(@"(?i)\b(?:src|href|action)\s*=|@import|url\(|https?://(?!www\.w3\.org/2000/svg)", WithoutData(page));
        Assert.Equal(2, Regex.Count(page, "<script"));
        Assert.Equal(2, Regex.Count(page, "</script>"));
    }

    [Fact]
    public void OnlyThePagesOwnScriptAndStyleMayRun()
    {
        string page = Page(Report());
        Assert.Contains($"script-src '{HashOf(Between(page, "<script>", "</script>"))}'", page, StringComparison.Ordinal);
        Assert.Contains($"style-src '{HashOf(Between(page, "<style>", "</style>"))}'", page, StringComparison.Ordinal);
        Assert.Contains("default-src 'none'", page, StringComparison.Ordinal);
        Assert.DoesNotMatch(@"\b(?:innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval|new Function)\b", WithoutData(page));
    }

    [Fact]
    public void HostileNamesStayText()
    {
        AuditReport report = Report();
        report = report with
        {
            Image = report.Image with { Name = Hostile },
            Sites = [.. report.Sites.Select(s => s with { Reason = Hostile, Site = s.Site with { Symbol = Hostile, Section = Hostile } })],
        };
        string page = Page(report);
        Assert.Equal(2, Regex.Count(page, "<script"));
        Assert.Equal(2, Regex.Count(page, "</script>"));
        Assert.DoesNotContain("<img", page, StringComparison.Ordinal);
        Assert.Contains("<title>audit of &lt;/script&gt;", page, StringComparison.Ordinal);
        JsonElement strings = Data(page).GetProperty("strings");
        Assert.Contains(strings.EnumerateArray(), s => s.GetString() == Hostile);
    }

    [Fact]
    public void TheDataIsTheReport()
    {
        AuditReport report = Report();
        JsonElement data = Data(Page(report));
        string Text(JsonElement index) => index.GetInt32() < 0 ? "" : data.GetProperty("strings")[index.GetInt32()].GetString()!;
        JsonElement[] sites = [.. data.GetProperty("sites").EnumerateArray()];
        Assert.Equal(report.Sites.Select(s => $"{s.Site.Address:x8} {s.Site.Text} {s.Tactic} {s.Patch ?? -1} {s.Method}"),
            sites.Select(s => $"{s[0]} {Text(s[4])} {Text(s[8])} {s[11]} {Text(s[12])}"));
        Assert.Equal(sites.Length, data.GetProperty("functions").EnumerateArray().Sum(f => f[3].GetInt32()));
        foreach ((AuditPatch patch, JsonElement row) in report.Patches.Zip(data.GetProperty("patches").EnumerateArray()))
        {
            Assert.Equal(patch.Trampoline.SelectMany(l => (string[])[l.Bytes, l.Text]), row[5].EnumerateArray().Select(Text));
        }
    }

    static AuditReport Report()
    {
        Rewriting rewriting = RewritePipeline.Rewrite(_image, ExecutionMode.Para);
        return AuditReport.Of(_image, rewriting.Plan, rewriting.Manifest);
    }

    static string Page(AuditReport report)
    {
        var stream = new MemoryStream();
        HtmlReport.Write(stream, report);
        return Encoding.UTF8.GetString(stream.ToArray());
    }

    static JsonElement Data(string page) => JsonDocument.Parse(Between(page, "id=\"data\">", "</script>")).RootElement;

    static string WithoutData(string page) => page.Replace(Between(page, "id=\"data\">", "</script>"), "", StringComparison.Ordinal);

    static string Between(string page, string start, string end)
    {
        int first = page.IndexOf(start, StringComparison.Ordinal) + start.Length;
        return page[first..page.IndexOf(end, first, StringComparison.Ordinal)];
    }

    static string HashOf(string text) => "sha256-" + Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
}
