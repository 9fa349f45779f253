// User programs on Debian's unmodified kernels, natively.
using Tests.Engines.Direct;
using Xunit;

namespace Tests.Boot;

[Collection(HostProcessorCollection.Name)]
public sealed class LinuxUserTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("linux-guest-");

    public void Dispose() => _folder.Delete(recursive: true);

    /// <summary>Signals, tracing, segments, flags, FPU state, generated code: what user code sees is what hardware shows.</summary>
    [Theory]
    [InlineData("686", "para")]
    [InlineData("686-pae", "para")]
    [InlineData("686", "full")]
    public void UserCodeSeesWhatHardwareShows(string flavour, string mode)
    {
        string kernel = LinuxGuest.Kernel(flavour);
        string log = LinuxGuest.Run(kernel, LinuxGuest.Initramfs(_folder.FullName, "selftest", "selftest"), mode);
        Assert.DoesNotContain("FAILED", log, StringComparison.Ordinal);
        Assert.Contains("selftest: 0 failed", log, StringComparison.Ordinal);
        Assert.Contains("init: job ended with status 0", log, StringComparison.Ordinal);
    }
}
