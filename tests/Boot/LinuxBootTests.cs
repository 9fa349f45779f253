// Debian's kernels, unmodified, natively: without a root file system they get as far as looking for one, and reset the machine.
using Runtime.Commands;
using Tests.Engines.Direct;
using Xunit;

namespace Tests.Boot;

[Collection(HostProcessorCollection.Name)]
public sealed class LinuxBootTests
{
    private const string CommandLine = "console=ttyS0 panic=1";

    [Theory]
    [InlineData("vmlinuz-6.1.0-*-686")]
    [InlineData("vmlinuz-6.1.0-*-686-pae")]
    public void DebianLooksForItsRootFileSystem(string pattern)
    {
        string cache = Path.Combine(Repository.GuestKernels, "debian", "cache");
        string? kernel = Directory.Exists(cache) ? Directory.EnumerateFiles(cache, pattern).FirstOrDefault(path => path.EndsWith("-pae", StringComparison.Ordinal) == pattern.EndsWith("-pae", StringComparison.Ordinal)) : null;
        Assert.SkipWhen(kernel is null, $"{pattern} is not here: run guest-kernels/debian/fetch.sh");
        ChildResult result = ChildProcess.Run(
            "dotnet",
            [
                typeof(Runtime.VirtualMachine).Assembly.Location, "run", kernel!, "--engine", "direct", "--mode", "para",
                "--memory", "256M", "--time-limit", "80s", "--append", CommandLine,
            ],
            TimeSpan.FromSeconds(90));
        Assert.SkipWhen(result.Errors.Contains("the direct engine cannot run here", StringComparison.Ordinal), result.Errors);
        Assert.Contains("Linux version 6.1.0", result.Output, StringComparison.Ordinal);
        Assert.Contains("command line: " + CommandLine, result.Output, StringComparison.Ordinal);
        Assert.Contains("Unable to mount root fs", result.Output, StringComparison.Ordinal);
        // Debian builds only the kernel with PAE for Xen.
        bool knowsXen = pattern.EndsWith("-pae", StringComparison.Ordinal);
        Assert.Equal(knowsXen, result.Output.Contains("Hypervisor detected: Xen HVM", StringComparison.Ordinal));
        Assert.Equal(knowsXen, result.Output.Contains("Grant table initialized", StringComparison.Ordinal));
        foreach (string complaint in new[] { "WARNING:", "BUG:", "Oops", "invalid opcode" })
        {
            Assert.DoesNotContain(complaint, result.Output, StringComparison.Ordinal);
        }

        Assert.Equal(0, result.ExitStatus);
    }

    /// <summary>What is piped in before the guest is there reaches its shell whole.</summary>
    [Theory]
    [InlineData("686", "ttyS0")]
    [InlineData("686-pae", "hvc0")]
    public void PipedInputArrivesWhole(string flavour, string console)
    {
        string kernel = LinuxGuest.Kernel(flavour);
        DirectoryInfo folder = Directory.CreateTempSubdirectory("linux-input-");
        try
        {
            string initrd = LinuxGuest.Initramfs(folder.FullName, "");
            string command = $"printf 'echo first$((1+1))\\npoweroff -f\\n' | dotnet {typeof(Runtime.VirtualMachine).Assembly.Location} run {kernel} "
                + $"--initrd {initrd} --memory 256M --time-limit 60s --append 'console={console} quiet'";
            ChildResult result = ChildProcess.Run("sh", ["-c", command], TimeSpan.FromSeconds(70));
            Assert.True(result.ExitStatus == 0, result.Output + result.Errors);
            Assert.Contains("# echo first$((1+1))", result.Output, StringComparison.Ordinal);
            Assert.Contains("\nfirst2", result.Output, StringComparison.Ordinal);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
