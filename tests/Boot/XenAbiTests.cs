using Tests.Engines.Direct;
using Xunit;

namespace Tests.Boot;

/// <summary>The kernel that uses Xen's interface directly: hypercalls, events, grants, XenStore, console and block ring, errors included.</summary>
[Collection(HostProcessorCollection.Name)]
public sealed class XenAbiTests
{
    [Theory]
    [InlineData("interpreter", "full")]
    [InlineData("interpreter", "para")]
    [InlineData("direct", "full")]
    [InlineData("direct", "para")]
    public void TheInterfaceIsThatOfXen(string engine, string mode)
    {
        string disk = Path.GetTempFileName();
        try
        {
            using (FileStream file = File.OpenWrite(disk))
            {
                file.SetLength(1 << 20);
            }

            KernelRun.InRuntime(new KernelSetup("xenabi", Disk: disk, Platform: "xen"), engine, mode).MustBe(ExpectedOutput.Read("xenabi", "expected.txt"));
        }
        finally
        {
            File.Delete(disk);
        }
    }

    /// <summary>Its network front end: frames in posted pages, and in pages that change their owner.</summary>
    [Theory]
    [InlineData("interpreter")]
    [InlineData("direct")]
    public void FramesAreCopiedAndFlipped(string engine)
    {
        KernelRun run = KernelRun.InRuntime(new KernelSetup("xenabi", "network-figures", Platform: "xen", Network: "user"), engine, "para");
        Assert.Equal(KernelRun.AllRight, run.Status);
        string[] lines = [.. run.Serial.Split('\n').Select(line => line.TrimEnd()).Where(line => line.StartsWith("network-", StringComparison.Ordinal))];
        Assert.Equal(File.ReadAllLines(Path.Combine(Repository.Root, "guest-kernels/xenabi/expected-network.txt")), lines);
        Assert.Equal(3, run.Serial.Split("network: frames of").Length - 1);
    }

    [Fact]
    public void APlainPcHasNoXen()
    {
        KernelRun run = KernelRun.InRuntime(new KernelSetup("xenabi", Platform: "pc"), "interpreter", "para");
        Assert.Equal(KernelRun.SomethingWrong, run.Status);
        Assert.Contains("there is no Xen here", run.Serial, StringComparison.Ordinal);
    }
}
