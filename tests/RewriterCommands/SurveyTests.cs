using System.Diagnostics;
using System.Text.Json;
using Tests.Images;
using Xunit;

namespace Tests.RewriterCommands;

/// <summary>rewriter scan DIR|FILES...</summary>
public sealed class SurveyTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("survey-").FullName;

    public SurveyTests()
    {
        File.WriteAllBytes(In("b.elf"), Fixture.Bytes("tiny.elf"));
        File.WriteAllBytes(In("a.ko.gz"), ImageBuilder.Gzip(Fixture.Bytes("module.o")));
        File.WriteAllText(In("notes.txt"), "no image");
        Directory.CreateDirectory(In("sub"));
        File.WriteAllBytes(In("sub/c.o"), Fixture.Bytes("module64.o"));
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void ADirectoryIsSurveyed()
    {
        (int status, string output, string error) = Run("scan", _directory, "--format", "json");
        Assert.Equal((0, ""), (status, error));
        JsonElement report = JsonDocument.Parse(output).RootElement;
        Assert.Equal([In("a.ko.gz"), In("b.elf"), In("sub/c.o")], report.GetProperty("images").EnumerateArray().Select(i => i.GetProperty("path").GetString()!));
        Assert.Equal(["elf32-object", "elf32", "elf64-object"], report.GetProperty("images").EnumerateArray().Select(i => i.GetProperty("format").GetString()!));
        Assert.Equal(1, report.GetProperty("otherFiles").GetInt32());
    }

    [Fact]
    public void TheTextHasALineForEachAndTotals()
    {
        (int status, string output, string error) = Run("scan", In("b.elf"), In("a.ko.gz"));
        Assert.Equal((0, ""), (status, error));
        Assert.Contains("2 images, 2 with sensitive instructions; 0 could not be read; 0 other files", output, StringComparison.Ordinal);
        Assert.DoesNotContain('\e', output);
    }

    [Fact]
    public void CoverageIsCountedAndVerified()
    {
        File.WriteAllBytes(In("m.o"), Fixture.Bytes("module.o"));
        (int status, string output, string error) = Run("coverage", "--verify", _directory, "--format", "json");
        Assert.Equal((0, ""), (status, error));
        JsonElement report = JsonDocument.Parse(output).RootElement;
        Assert.Equal((4, 2, 2), (report.GetProperty("images").GetArrayLength(), report.GetProperty("verified").GetInt32(), report.GetProperty("refused").GetInt32()));
        Assert.Equal(0, report.GetProperty("silentLeft").GetInt32());
        Assert.True(report.GetProperty("jumps").GetInt32() > 10);

        (status, output, error) = Run("coverage", "--verify", In("m.o"), In("sub/c.o"));
        Assert.Equal((0, ""), (status, error));
        Assert.Contains("c.o: refused: 64-bit images can be scanned", output, StringComparison.Ordinal);
        Assert.Contains("verified 1 of 1 rewritten images", output, StringComparison.Ordinal);
    }

    [Fact]
    public void WhatIsNamedMustBeAnImage()
    {
        (int status, string output, string error) = Run("scan", In("b.elf"), In("notes.txt"), In("missing"));
        Assert.Equal(3, status);
        Assert.Contains("1 images", output, StringComparison.Ordinal);
        Assert.Equal([$"rewriter: {In("notes.txt")}: not a kernel image: neither ELF, PE, Linux bzImage nor multiboot (at file offset 0x0)",
            $"rewriter: {In("missing")}: no such file"], error.TrimEnd('\n').Split('\n'));
    }

    private string In(string name) => Path.Combine(_directory, name);

    private static (int Status, string Output, string Error) Run(params string[] arguments)
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
