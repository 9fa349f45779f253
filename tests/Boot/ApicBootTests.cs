using Tests.Engines.Direct;
using Xunit;

namespace Tests.Boot;

/// <summary>The guest kernel <c>apic</c> finds the APICs that QEMU has.</summary>
[Collection(HostProcessorCollection.Name)]
public sealed class ApicBootTests
{
    private static readonly ExpectedOutput s_expected = ExpectedOutput.Read("apic", "expected.txt");

    [Theory]
    [InlineData("interpreter", "trap")]
    [InlineData("interpreter", "para")]
    [InlineData("direct", "full")]
    [InlineData("direct", "para")]
    public void ApicsBehaveAsTheManualsSay(string engine, string mode)
        => KernelRun.InRuntime(new KernelSetup("apic"), engine, mode).MustBe(s_expected);

    [Fact]
    public void QemusDoTheSame() => KernelRun.InQemu(new KernelSetup("apic")).MustBe(s_expected);

    /// <summary>Debian's kernel, which is not told of them unless asked, finds its interrupts by the table: the timer and the console come through.</summary>
    [Fact]
    public void LinuxUsesThemWhenTold()
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("apic-");
        try
        {
            string log = LinuxGuest.Run(
                LinuxGuest.Kernel("686"), LinuxGuest.Initramfs(folder.FullName, "sleep 1; cat /proc/interrupts"), "para", "", "--apic", "on");
            Assert.Matches(@"(?m)^ +4: +[1-9]\d* +IO-APIC +4-edge +ttyS0", log);
            Assert.Matches(@"(?m)^LOC: +[1-9]\d* ", log);
            Assert.Contains("init: job ended with status 0", log, StringComparison.Ordinal);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
