// A monitor that is killed takes its stub processes with it.
using System.Diagnostics;
using Tests.Engines.Direct;
using Xunit;

namespace Tests.Boot;

[Collection(HostProcessorCollection.Name)]
public sealed class KilledMonitorTests
{
    [Fact]
    public void AKilledMonitorLeavesNoStubBehind()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "there is no /proc here");
        // The shell waits for input for ever: an endless kernel.
        var start = new ProcessStartInfo("dotnet", [typeof(Runtime.VirtualMachine).Assembly.Location, "run", Repository.Kernel("ukernel"), "--engine", "direct", "--append", "shell"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process monitor = Process.Start(start)!;
        int[] stubs = [];
        for (int tries = 0; tries < 200 && stubs.Length == 0 && !monitor.HasExited; tries++)
        {
            Thread.Sleep(50);
            stubs = [.. ChildrenOf(monitor.Id)];
        }

        if (monitor.HasExited)
        {
            string errors = monitor.StandardError.ReadToEnd();
            Assert.SkipWhen(errors.Contains("the direct engine cannot run here", StringComparison.Ordinal), errors);
            Assert.Fail(errors);
        }

        Assert.NotEmpty(stubs);
        stubs = [.. ChildrenOf(monitor.Id)];
        monitor.Kill(); // SIGKILL, to it alone
        monitor.WaitForExit();
        for (int tries = 0; tries < 100 && stubs.Any(IsAlive); tries++)
        {
            Thread.Sleep(20);
        }

        Assert.DoesNotContain(stubs, IsAlive);
    }

    private static IEnumerable<int> ChildrenOf(int parent)
    {
        foreach (string folder in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(folder), out int process) && Stat(process) is { } stat && int.Parse(stat[1]) == parent)
            {
                yield return process;
            }
        }
    }

    /// <summary>A zombie that nobody has collected yet is dead.</summary>
    private static bool IsAlive(int process) => Stat(process) is { } stat && stat[0] is not ("Z" or "X");

    /// <summary>State, parent and the rest of /proc/PID/stat (proc(5)), after the name in parentheses.</summary>
    private static string[]? Stat(int process)
    {
        try
        {
            string text = File.ReadAllText($"/proc/{process}/stat");
            return text[(text.LastIndexOf(')') + 2)..].Split(' ');
        }
        catch (IOException)
        {
            return null;
        }
    }
}
