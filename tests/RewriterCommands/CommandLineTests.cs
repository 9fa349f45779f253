using System.Diagnostics;
using System.Text.Json;
using Tests.Images;
using Xunit;

namespace Tests.RewriterCommands;

/// <summary>The program as users meet it: output, messages, exit status.</summary>
public sealed class CommandLineTests : IDisposable
{
    readonly string _directory = Directory.CreateTempSubdirectory("rewriter-tests-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void RewriteAuditAndRestoreWorkTogether()
    {
        string image = Fixture.Path("tiny.elf");
        Assert.Equal((0, "", ""), Run("rewrite", image, "--mode", "para", "-o", In("out")));
        (int status, string audit, _) = Run("audit", In("out"), "--format", "json");
        Assert.Equal(0, status);
        using JsonDocument report = JsonDocument.Parse(audit);
        Assert.Equal("para", report.RootElement.GetProperty("mode").GetString());
        Assert.Equal(100, report.RootElement.GetProperty("handledSilentPercent").GetDouble());
        (status, string text, _) = Run("audit", In("out"));
        Assert.Equal(0, status);
        Assert.Contains("silent sites handled: 100.00 %", text, StringComparison.Ordinal);
        Assert.Equal((0, "", ""), Run("restore", In("out"), "-o", In("back")));
        Assert.Equal(File.ReadAllBytes(image), File.ReadAllBytes(In("back")));
        Assert.Equal(["back", "out"], Directory.GetFiles(_directory).Select(Path.GetFileName).Order());
    }

    [Fact]
    public void ScanPrintsNothingButTheReport()
    {
        (int status, string text, string error) = Run("scan", Fixture.Path("tiny.elf"));
        Assert.Equal((0, ""), (status, error));
        Assert.Contains("_start", text, StringComparison.Ordinal);
        Assert.DoesNotContain('\e', text);
        Assert.Equal(0, Run("scan", Fixture.Path("tiny.elf"), "--format", "json", "-o", In("s.json")).Status);
        using JsonDocument report = JsonDocument.Parse(File.ReadAllText(In("s.json")));
        Assert.True(report.RootElement.GetProperty("sites").GetArrayLength() >= 9);
    }

    [Theory]
    [InlineData(2, "Required command", new string[0])]
    [InlineData(2, "'frobnicate'", new[] { "frobnicate" })]
    [InlineData(2, "--mode", new[] { "rewrite", "x", "-o", "y" })]
    [InlineData(2, "full or para", new[] { "rewrite", "x", "--mode", "trap", "-o", "y" })]
    [InlineData(2, "multiple of 0x400000", new[] { "rewrite", "x", "--mode", "full", "--window", "17", "-o", "y" })]
    [InlineData(2, "IMAGE is empty", new[] { "scan", "" })]
    [InlineData(2, "--format is text, json, sarif or html, not 'xml'", new[] { "audit", "x", "--format", "xml" })]
    [InlineData(2, "--format is text or json, not 'sarif'", new[] { "diff", "x", "y", "--format", "sarif" })]
    [InlineData(2, "SHELL is bash, zsh or fish, not 'tcsh'", new[] { "completion", "tcsh" })]
    [InlineData(4, "/: is a directory", new[] { "scan", "TINY", "--policy", "/" })]
    [InlineData(4, "tiny.elf: is not a directory", new[] { "rewrite", "TINY", "--mode", "para", "--shims", "TINY", "-o", "y" })]
    [InlineData(3, "no such file", new[] { "scan", "/nonexistent" })]
    [InlineData(3, "is a directory", new[] { "audit", "/" })]
    [InlineData(3, "not a rewritten image", new[] { "audit", "TINY" })]
    [InlineData(3, "not a rewritten image", new[] { "restore", "TINY", "-o", "y" })]
    [InlineData(3, "not a rewritten image", new[] { "verify", "TINY" })]
    [InlineData(3, "no such directory", new[] { "rewrite", "TINY", "--mode", "full", "-o", "/nonexistent/y" })]
    public void FailuresAreOneLineAndAStatus(int status, string message, string[] arguments)
    {
        var result = Run([.. arguments.Select(a => a == "TINY" ? Fixture.Path("tiny.elf") : a)]);
        Assert.Equal((status, ""), (result.Status, result.Output));
        Assert.StartsWith("rewriter: ", result.Error, StringComparison.Ordinal);
        Assert.Contains(message, result.Error, StringComparison.Ordinal);
        Assert.Single(result.Error.TrimEnd('\n').Split('\n'));
    }

    [Fact]
    public void VerifyAndDiffHaveTheirStatus()
    {
        string image = Fixture.Path("tiny.elf");
        Assert.Equal(0, Run("rewrite", image, "--mode", "para", "-o", In("para")).Status);
        Assert.Equal(0, Run("rewrite", image, "--mode", "full", "-o", In("full")).Status);
        (int status, string text, string error) = Run("verify", In("para"), "--against", image);
        Assert.Equal((0, ""), (status, error));
        Assert.Contains("para: verified", text, StringComparison.Ordinal);
        Assert.Equal((0, ""), (Run("verify", In("full"), "--format", "json", "-o", In("v.json")).Status, Run("verify", In("full")).Error));

        byte[] bytes = File.ReadAllBytes(In("para"));
        bytes[0x1000 + 3] ^= 1;
        File.WriteAllBytes(In("damaged"), bytes);
        var damaged = Run("verify", In("damaged"));
        Assert.Equal(6, damaged.Status);
        Assert.Contains("damaged: ", damaged.Error, StringComparison.Ordinal);
        Assert.Equal(6, Run("verify", In("para"), "--against", In("full")).Status);

        Assert.Equal((0, ""), (Run("diff", In("para"), In("para")).Status, Run("diff", image, In("para")).Error));
        var diff = Run("diff", In("para"), In("full"));
        Assert.Equal((1, ""), (diff.Status, diff.Error));
        Assert.Contains("tactic: ", diff.Output, StringComparison.Ordinal);
        Assert.Equal(3, Run("diff", image, "/nonexistent").Status);
        Assert.Equal(2, Run("diff", image, image, "--format", "html").Status);
    }

    [Fact]
    public void OneRunRewritesAndAudits()
    {
        string[] forms = ["txt", "json", "sarif", "sarif.json", "html"];
        string[] audits = [.. forms.SelectMany(form => (string[])["--audit", In("with." + form)])];
        Assert.Equal((0, "", ""), Run(["rewrite", Fixture.Path("tiny.elf"), "--mode", "para", "-o", In("out"), .. audits]));
        foreach (string form in forms)
        {
            Assert.Equal((0, "", ""), Run("audit", In("out"), "-o", In("after." + form)));
            Assert.Equal(File.ReadAllText(In("after." + form)), File.ReadAllText(In("with." + form)));
        }

        Assert.StartsWith("{\n  \"$schema\"", File.ReadAllText(In("with.sarif.json")), StringComparison.Ordinal);
        Assert.StartsWith("<!doctype html>", File.ReadAllText(In("with.html")), StringComparison.Ordinal);
        Assert.Contains("silent sites handled", File.ReadAllText(In("with.txt")), StringComparison.Ordinal);
    }

    /// <summary>Another file in the place of a link would cut it off; in the place of a device it would be worse.</summary>
    [Fact]
    public void WhatIsNoFileIsWrittenThrough()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "links and descriptors of Unix");
        File.CreateSymbolicLink(In("link"), "target");
        Assert.Equal((0, "", ""), Run("scan", Fixture.Path("tiny.elf"), "-o", In("link")));
        Assert.Equal("target", new FileInfo(In("link")).LinkTarget);
        (int status, string text, string error) = Run("scan", Fixture.Path("tiny.elf"), "-o", "/dev/fd/1");
        Assert.Equal((0, File.ReadAllText(In("target")), ""), (status, text, error));
    }

    [Theory]
    [InlineData("json", "{")]
    [InlineData("sarif", "{\n  \"$schema\"")]
    [InlineData("html", "<!doctype html>")]
    public void ReportsComeInEachForm(string format, string start)
    {
        Assert.Equal(0, Run("rewrite", Fixture.Path("tiny.elf"), "--mode", "para", "-o", In("out")).Status);
        Assert.Equal((0, "", ""), Run("audit", In("out"), "--format", format, "-o", In("audit")));
        Assert.StartsWith(start, File.ReadAllText(In("audit")), StringComparison.Ordinal);
        (int status, string text, string error) = Run("scan", Fixture.Path("tiny.elf"), "--format", format);
        Assert.Equal((0, ""), (status, error));
        Assert.StartsWith(start, text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(4, "rules: [frob]", "p.yaml:1:9: a rule is 'WHAT: ACTION'", new string[0])]
    [InlineData(5, "rules: [silent: forbid]", "p.yaml:1:9: silent: forbid: the image has it at 0x", new string[0])]
    [InlineData(5, "{rules: [silent: leave], fail-on: [silent-unpatched]}", "findings: silent-unpatched ", new string[0])]
    [InlineData(5, "rules: [silent: leave]", "findings: silent-unpatched ", new[] { "--fail-on", "trap,silent-unpatched" })]
    [InlineData(2, "rules: []", "--fail-on knows silent-unpatched", new[] { "--fail-on", "frob" })]
    [InlineData(4, "rules: []", "/nonexistent: no such directory", new[] { "--shims", "/nonexistent" })]
    [InlineData(0, "rules: [silent: leave]", "", new string[0])]
    public void PoliciesHaveTheirStatus(int status, string policy, string message, string[] more)
    {
        File.WriteAllText(In("p.yaml"), policy);
        var result = Run(["rewrite", Fixture.Path("tiny.elf"), "--mode", "para", "--policy", In("p.yaml"), "-o", In("out"), .. more]);
        Assert.Equal((status, ""), (result.Status, result.Output));
        Assert.Contains(message, result.Error, StringComparison.Ordinal);
        Assert.Equal(status == 0 ? 0 : 1, result.Error.Count(c => c == '\n'));
        Assert.Equal(status == 0 || message.StartsWith("findings", StringComparison.Ordinal), File.Exists(In("out")));
    }

    /// <summary>For the targets of GuestRewriter.Build: a form that MSBuild takes for errors, with their place.</summary>
    [Theory]
    [InlineData("--policy", "POLICY", "p.yaml(1,9): error GUEST002: a rule is 'WHAT: ACTION'")]
    [InlineData("--shims", "PACK", "a.cs(1,25): error SHIM")]
    [InlineData("--shims", "/nonexistent", "tiny.elf : error GUEST002: /nonexistent: no such directory")]
    [InlineData("--fail-on", "trap", "tiny.elf : error GUEST002: findings: trap ")]
    public void MsBuildReadsFailures(string option, string value, string expected)
    {
        File.WriteAllText(In("p.yaml"), "rules: [frob]");
        Directory.CreateDirectory(In("pack"));
        File.WriteAllText(Path.Combine(In("pack"), "a.cs"), "public static class A { int field; }");
        string path = value switch { "POLICY" => In("p.yaml"), "PACK" => In("pack"), _ => value };
        var result = Run("rewrite", Fixture.Path("tiny.elf"), "--mode", option == "--fail-on" ? "full" : "para", option, path, "--msbuild", "-o", In("out"));
        Assert.DoesNotContain("rewriter:", result.Error, StringComparison.Ordinal);
        Assert.Contains(expected, result.Error, StringComparison.Ordinal);
        Assert.NotEqual(0, result.Status);
    }

    [Fact]
    public void AShimPackIsRefusedLineByLine()
    {
        string pack = Directory.CreateDirectory(In("pack")).FullName;
        File.WriteAllText(Path.Combine(pack, "a.cs"), """
            public static class A
            {
                [Runtime.Abi.Shims.ReplacesFunction("nowhere")]
                public static void M(Runtime.Abi.Shims.IShimContext vcpu) { System.Environment.Exit(1); }
                static uint state;
            }
            """);
        Directory.CreateSymbolicLink(Path.Combine(pack, "round"), pack);
        var result = Run("rewrite", Fixture.Path("tiny.elf"), "--mode", "para", "--shims", pack, "-o", In("out"));
        Assert.Equal(4, result.Status);
        Assert.Equal(
            [$"rewriter: {pack}/a.cs(4,65): error SHIM001", $"rewriter: {pack}/a.cs(5,5): error SHIM003"],
            result.Error.TrimEnd('\n').Split('\n').Select(line => line[..(line.IndexOf("SHIM", StringComparison.Ordinal) + 7)]));
        Assert.False(File.Exists(In("out")));
    }

    [Theory]
    [InlineData("scan")]
    [InlineData("rewrite")]
    [InlineData("audit")]
    [InlineData("verify")]
    [InlineData("coverage")]
    [InlineData("diff")]
    [InlineData("restore")]
    public void HelpHasExamples(string command)
    {
        var result = Run(command, "--help");
        Assert.Equal((0, ""), (result.Status, result.Error));
        Assert.Contains($"Examples:\n  rewriter {command} ", result.Output, StringComparison.Ordinal);
    }

    string In(string name) => Path.Combine(_directory, name);

    static (int Status, string Output, string Error) Run(params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", [typeof(Rewriter.RewritePipeline).Assembly.Location, .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process process = Process.Start(start)!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, error.Result);
    }
}
