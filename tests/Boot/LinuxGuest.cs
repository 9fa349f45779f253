// Debian's kernels in tests: found where fetch.sh puts them, with an initramfs that initramfs.sh builds; skipped where they are not.
using Runtime.Commands;
using Xunit;

namespace Tests.Boot;

/// <summary>Runs Debian's unmodified kernel with a command of the test's own as its job.</summary>
internal static class LinuxGuest
{
    public static readonly string Folder = Path.Combine(Repository.GuestKernels, "debian");

    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(100);

    /// <summary>What no log may hold that QEMU's does not (Documentation/admin-guide/bug-hunting.rst).</summary>
    private static readonly string[] s_complaints =
        ["WARNING:", "BUG:", "Oops", "invalid opcode: 0000", "general protection fault: 0000", "Unknown NMI", "rcu_sched self-detected"];

    /// <summary>The kernel of a flavour ("686" or "686-pae"); skips the test where it has not been fetched.</summary>
    public static string Kernel(string flavour)
    {
        string cache = Path.Combine(Folder, "cache");
        string? kernel = Directory.Exists(cache)
            ? Directory.EnumerateFiles(cache, "vmlinuz-*-" + flavour).FirstOrDefault(path => path.EndsWith("0-" + flavour, StringComparison.Ordinal) || path.EndsWith(flavour, StringComparison.Ordinal))
            : null;
        Assert.SkipWhen(kernel is null, $"Debian's {flavour} kernel is not here: run guest-kernels/debian/fetch.sh");
        return kernel!;
    }

    /// <summary>Builds an initramfs whose /init runs a shell command and powers off.</summary>
    /// <param name="programs">Names of programs in guest-kernels/debian/bin to put into it.</param>
    public static string Initramfs(string folder, string command, params string[] programs)
        => InitramfsOf(folder, command, [.. programs.Select(name => Path.Combine(Folder, "bin", name))]);

    /// <param name="files">Files to put into it: FILE goes below /bin, FILE:PATH to PATH.</param>
    public static string InitramfsOf(string folder, string command, params string[] files)
    {
        string path = Path.Combine(folder, "initrd.gz");
        string[] added = [.. files.SelectMany(file => new[] { "--add", file })];
        ChildResult built = ChildProcess.Run(Path.Combine(Folder, "initramfs.sh"), [.. added, "--run", command, path], s_limit);
        Assert.True(built.ExitStatus == 0, built.Errors);
        return path;
    }

    /// <summary>Runs it; the log must hold no complaint of the kernel.</summary>
    /// <param name="options">Further ones of the command.</param>
    public static string Run(string kernel, string initrd, string mode, string append = "", params string[] options)
    {
        ChildResult result = ChildProcess.Run(
            "dotnet",
            [
                typeof(Runtime.VirtualMachine).Assembly.Location, "run", kernel, "--engine", "direct", "--mode", mode, "--initrd", initrd,
                "--memory", "256M", "--time-limit", "90s", "--append", "console=ttyS0 " + append, .. options,
            ],
            s_limit);
        Assert.SkipWhen(result.Errors.Contains("the direct engine cannot run here", StringComparison.Ordinal), result.Errors);
        Assert.True(result.ExitStatus == 0, result.Output + result.Errors);
        foreach (string complaint in s_complaints)
        {
            Assert.DoesNotContain(complaint, result.Output, StringComparison.Ordinal);
        }

        return result.Output;
    }

    /// <summary>Runs it in QEMU; skips the test where that is not installed.</summary>
    /// <param name="options">QEMU's own, such as what machine.</param>
    public static string RunInQemu(string kernel, string initrd, string append = "", params string[] options)
    {
        string[] arguments = [.. options, "-m", "256", "-kernel", kernel, "-initrd", initrd, "-append", "console=ttyS0 " + append];
        ChildResult result = Qemu.Run(arguments, s_limit);
        Assert.True(result.ExitStatus == 0, result.Output + result.Errors);
        return result.Output;
    }
}
