using System.Diagnostics;
using System.Globalization;
using Tests.Images;
using Xunit;

namespace Tests.RewriterCommands;

/// <summary>
/// What a rewrite of a real kernel may take. The limit of time is of processor time, and three times what it takes on a machine with nothing
/// else to do: it is for a step that has become quadratic. The limit of memory is the garbage collector's own, and exact.
/// </summary>
public sealed class SpeedTests : IDisposable
{
    const long MostHeap = 400L << 20; // with the runtime and its code below 600 MB
    const double MostSeconds = 6;

    readonly string _directory = Directory.CreateTempSubdirectory("rewriter-speed-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void AKernelIsRewrittenAndAuditedWithinBounds()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "bash adds the times up");
        string kernel = Fixture.Downloaded("vmlinuz-*-686");
        string audit = Path.Combine(_directory, "audit.html");
        var start = new ProcessStartInfo("bash", ["-c", "\"$@\" && times", "bash", "dotnet", typeof(Rewriter.RewritePipeline).Assembly.Location,
            "rewrite", kernel, "--mode", "para", "--audit", audit, "-o", Path.Combine(_directory, "out")])
        {
            RedirectStandardOutput = true,
            Environment = { ["DOTNET_GCHeapHardLimit"] = MostHeap.ToString("x", CultureInfo.InvariantCulture) },
        };
        using Process process = Process.Start(start)!;
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
        Assert.True(new FileInfo(audit).Length > 1 << 20);

        // Second line: user and system time of children, "0m1.234s".
        double seconds = output.Split('\n')[1].Split(' ').Sum(time => double.Parse(time.Split('m')[1].TrimEnd('s'), CultureInfo.InvariantCulture)
            + (60 * double.Parse(time.Split('m')[0], CultureInfo.InvariantCulture)));
        Assert.InRange(seconds, 0, MostSeconds);
    }
}
