using Runtime.Commands;
using Xunit;

namespace Tests.Boot;

/// <summary>QEMU's emulator, the machine that others are held against.</summary>
internal static class Qemu
{
    private const string Program = "qemu-system-i386";

    /// <summary>Runs it with the serial port as its output and no display; skips the test where it is not installed.</summary>
    public static ChildResult Run(IEnumerable<string> arguments, TimeSpan limit)
    {
        bool installed = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(folder => File.Exists(Path.Combine(folder, Program)));
        Assert.SkipUnless(installed, Program + " is not installed");
        return ChildProcess.Run(
            Program,
            [.. arguments, "-accel", "tcg", "-display", "none", "-net", "none", "-no-reboot", "-serial", "stdio", "-monitor", "none"],
            limit);
    }
}
