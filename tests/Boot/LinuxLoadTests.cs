// Real loads in user space on Debian's unmodified kernel, judged by guest-kernels/debian/loads.sh: small here, at length by hand.
using Runtime.Commands;
using Tests.Engines.Direct;
using Xunit;

namespace Tests.Boot;

[Collection(HostProcessorCollection.Name)]
public sealed class LinuxLoadTests
{
    private static readonly string s_script = Path.Combine(LinuxGuest.Folder, "loads.sh");

    /// <summary>Unpacked, sorted, summed up, forked: as natively; and the guest's clock is the host's while two hogs compute.</summary>
    [Fact]
    public void LoadsEndAsNatively()
    {
        _ = LinuxGuest.Kernel("686");
        ChildResult result = ChildProcess.Run(
            s_script, ["--forks", "500", "--seconds", "3", "--lines", "10000", "--limit", "60", "--no-qemu"], TimeSpan.FromSeconds(70));
        Assert.SkipWhen(result.ExitStatus == 3, result.Errors);
        Assert.SkipWhen(result.Output.Contains("the direct engine cannot run here", StringComparison.Ordinal), result.Output);
        Assert.True(result.ExitStatus == 0, result.Output + result.Errors);
        foreach (string name in new[] { "native", "tree", "sort", "awk", "forks", "clock", "sleeper", "hogs", "ended", "log" })
        {
            Assert.Contains($"OK   {name,-7} ", result.Output, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("--forks many", "--forks many: not a number")]
    [InlineData("--mode", "--mode needs a value")]
    [InlineData("--fork 3", "unknown argument --fork")]
    public void WrongArgumentIsNamed(string arguments, string line)
    {
        ChildResult result = ChildProcess.Run(s_script, arguments.Split(' '), TimeSpan.FromSeconds(10));
        Assert.Equal(2, result.ExitStatus);
        Assert.StartsWith("loads.sh: " + line, result.Errors, StringComparison.Ordinal);
    }
}
