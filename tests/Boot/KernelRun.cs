// Runs a guest kernel to its end in a process of its own: by `runtime run`, or in QEMU.
using Runtime.Commands;
using Xunit;

namespace Tests.Boot;

/// <summary>What a kernel is started with, besides engine and mode.</summary>
/// <param name="Kernel">One of guest-kernels/bin, or a path from the root.</param>
/// <param name="Disk">A raw image for the first IDE disk, or null.</param>
/// <param name="Platform">What the guest finds; the mode's own choice when null.</param>
/// <param name="Module">A file that is handed over, or null.</param>
/// <param name="Stats">A file for the run's statistics, or null.</param>
/// <param name="Network">What a network card leads to, or null for none.</param>
internal sealed record KernelSetup(
    string Kernel, string CommandLine = "", string? Disk = null, string? Platform = null, string? Module = null, string? Stats = null,
    string? Network = null);

/// <summary>How a kernel ended.</summary>
internal sealed record KernelRun(int Status, string Serial, string Errors)
{
    /// <summary>Exit status of a kernel that wrote 10H to the debug-exit port: it found everything right.</summary>
    public const int AllRight = 33;

    /// <summary>The same for 11H: it found something wrong.</summary>
    public const int SomethingWrong = 35;

    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(100);

    /// <summary>Runs a kernel by <c>runtime run</c>; skips the test where the engine cannot run.</summary>
    public static KernelRun InRuntime(KernelSetup setup, string engine, string mode)
    {
        List<string> arguments =
        [
            typeof(Runtime.VirtualMachine).Assembly.Location, "run", Path.IsPathRooted(setup.Kernel) ? setup.Kernel : Repository.Kernel(setup.Kernel),
            "--engine", engine, "--mode", mode, "--time-limit", "90s", "--append", setup.CommandLine,
        ];
        if (setup.Disk is not null)
        {
            arguments.AddRange(["--disk", setup.Disk]);
        }

        if (setup.Platform is not null)
        {
            arguments.AddRange(["--platform", setup.Platform]);
        }

        arguments.AddRange(ModuleOf(setup, "--initrd"));
        if (setup.Network is not null)
        {
            arguments.AddRange(["--net", setup.Network]);
        }

        if (setup.Stats is not null)
        {
            arguments.AddRange(["--stats", setup.Stats]);
        }

        ChildResult result = ChildProcess.Run("dotnet", arguments, s_limit);
        Assert.SkipWhen(result.Errors.Contains("the direct engine cannot run here", StringComparison.Ordinal), result.Errors);
        return new KernelRun(result.ExitStatus, result.Output, result.Errors);
    }

    /// <summary>Runs a kernel in QEMU's TCG; skips the test where QEMU is not installed.</summary>
    public static KernelRun InQemu(KernelSetup setup)
    {
        List<string> arguments =
        [
            "-m", "128", "-kernel", Repository.Kernel(setup.Kernel), "-append", setup.CommandLine, "-device", "isa-debug-exit,iobase=0xf4,iosize=0x04",
        ];
        if (setup.Disk is not null)
        {
            arguments.AddRange(["-drive", $"file={setup.Disk},format=raw,if=ide"]);
        }

        arguments.AddRange(ModuleOf(setup, "-initrd"));
        ChildResult result = Qemu.Run(arguments, s_limit);
        return new KernelRun(result.ExitStatus, result.Output, result.Errors);
    }

    public void MustBe(ExpectedOutput expected)
    {
        string? difference = expected.FirstDifference(Serial);
        Assert.True(difference is null && Status == AllRight, $"exit status {Status}; {difference ?? "output as expected"}\n{Errors}");
    }

    private static string[] ModuleOf(KernelSetup setup, string option) => setup.Module is null ? [] : [option, setup.Module];
}
