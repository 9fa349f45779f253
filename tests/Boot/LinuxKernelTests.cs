// What Linux does to its own code while it runs, judged inside of it by guest-kernels/debian/kernel-checks.sh; in QEMU as well, so that a check
// that fails everywhere is known for what it is.
using Tests.Engines.Direct;
using Tests.Images;
using Xunit;

namespace Tests.Boot;

[Collection(HostProcessorCollection.Name)]
public sealed class LinuxKernelTests : IDisposable
{
    /// <summary>Some hundred functions all over the kernel: all of them take long, above all where each call of one traps.</summary>
    private const string Traced = "TRACED=v*";

    private static readonly string[] s_modules = ["test_static_key_base", "test_static_keys", "test_user_copy", "test_bpf"];

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("linux-kernel-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Theory]
    [InlineData("686", "para")]
    [InlineData("686-pae", "full")]
    public void CodeThatTheKernelPatchesIsRight(string flavour, string mode)
        => MustBeRight(LinuxGuest.Run(LinuxGuest.Kernel(flavour), Initramfs(flavour), mode, Traced));

    [Fact]
    public void QemuFindsTheSame() => MustBeRight(LinuxGuest.RunInQemu(LinuxGuest.Kernel("686"), Initramfs("686"), Traced));

    private static void MustBeRight(string log)
    {
        string[] wrong = [.. log.Split('\n').Where(line => line.StartsWith("check ", StringComparison.Ordinal) && line.Contains(" FAILED", StringComparison.Ordinal))];
        Assert.Empty(wrong);
        Assert.Contains("check: 0 failed", log, StringComparison.Ordinal);
        foreach (string name in new[] { "jump-labels-2", "tracer-function_graph", "probes-inside", "probe-program", "preempt-full", "programs-compiled" })
        {
            Assert.Contains($"check {name} ok", log, StringComparison.Ordinal);
        }
    }

    private string Initramfs(string flavour)
    {
        string modules = Fixture.Downloaded("modules/*-" + flavour);
        string[] files =
        [
            Path.Combine(LinuxGuest.Folder, "bin", "selftest"), Path.Combine(LinuxGuest.Folder, "kernel-checks.sh"),
            .. s_modules.Select(module => $"{Path.Combine(modules, "kernel", "lib", module)}.ko:/modules/{module}.ko"),
        ];
        return LinuxGuest.InitramfsOf(_folder.FullName, "sh /bin/kernel-checks.sh", files);
    }
}
