// Kernels started by Xen's PVH entry: one that checks all it is given, and Debian's own ELF file.
using Rewriter.Images;
using Runtime.Commands;
using Tests.Engines.Direct;
using Xunit;

namespace Tests.Boot;

[Collection(HostProcessorCollection.Name)]
public sealed class PvhBootTests : IDisposable
{
    private static readonly ExpectedOutput s_expected = ExpectedOutput.Read("pvh", "expected.txt");
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("pvh-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Theory]
    [InlineData("interpreter", "para")]
    [InlineData("direct", "full")]
    [InlineData("direct", "para")]
    public void KernelFindsWhatPvhPromises(string engine, string mode)
        => KernelRun.InRuntime(new KernelSetup("pvh", "one two"), engine, mode).MustBe(s_expected);

    [Fact]
    public void QemuPromisesTheSame() => KernelRun.InQemu(new KernelSetup("pvh", "one two")).MustBe(s_expected);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void ModuleArrivesWhole(bool inQemu)
    {
        string path = Path.Combine(_folder.FullName, "module");
        byte[] contents = new byte[70_001];
        new Random(1).NextBytes(contents);
        File.WriteAllBytes(path, contents);
        uint sum = contents.Aggregate(0u, (sum, value) => unchecked(sum * 31 + value));
        var setup = new KernelSetup("pvh", Module: path);
        KernelRun run = inQemu ? KernelRun.InQemu(setup) : KernelRun.InRuntime(setup, "direct", "para");
        Assert.Contains($"module 0: 70001 bytes, sum 0x{sum:x}", run.Serial, StringComparison.Ordinal);
        Assert.Equal(KernelRun.AllRight, run.Status);
    }

    /// <summary>Debian builds the flavour with PAE for Xen: the ELF file in its bzImage has the note.</summary>
    [Theory]
    [InlineData("para")]
    [InlineData("full")]
    public void DebiansElfFileBoots(string mode)
    {
        string kernel = Path.Combine(_folder.FullName, "vmlinux");
        File.WriteAllBytes(kernel, KernelImage.Load(LinuxGuest.Kernel("686-pae")).Payload.Span);
        string log = LinuxGuest.Run(kernel, LinuxGuest.Initramfs(_folder.FullName, "cat /proc/cmdline"), mode);
        // Under Xen Linux says by which entry it came.
        Assert.Equal(mode == "para", log.Contains("Booting kernel on Xen PVH", StringComparison.Ordinal));
        Assert.Contains("\nconsole=ttyS0", log, StringComparison.Ordinal);
        Assert.Contains("init: job ended with status 0", log, StringComparison.Ordinal);
    }
}
