using System.Globalization;
using Runtime;
using Runtime.Accounts;
using Runtime.Hosting;
using Tests.Boot;
using Xunit;

namespace Tests.Hosting;

/// <summary>Debian's kernel beside a guest that computes for ever: what it was kept from shows in its own statistics, from which top takes "st".</summary>
[Collection(HostingCollection.Name)]
public sealed class StealTimeTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("steal-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void DebianSeesWhatItsNeighbourTook()
    {
        string kernel = LinuxGuest.Kernel("686-pae"), log = Path.Combine(_folder.FullName, "log");
        string work = "n=0; while [ $n -lt 300000 ]; do n=$((n + 1)); done";
        string initrd = LinuxGuest.Initramfs(_folder.FullName, $"head -n 1 /proc/stat; {work}; head -n 1 /proc/stat");
        HostDescription description = GuestsFile.Parse("test.yaml", $"""
            host: {"{"} cpus: 1 {"}"}
            guests:
              - name: hog
                kernel: {Path.Combine(Repository.GuestKernels, "bin/unruly.elf")}
                append: hog
                memory: 16M
              - name: debian
                kernel: {kernel}
                initrd: {initrd}
                append: console=ttyS0 quiet
                engine: direct
                memory: 256M
                log: {log}
            """);
        using var host = new GuestHost(description, PreparedGuest.Prepare(description));
        host.Start();
        HostedGuest debian = host.Guests[1];
        Assert.True(SpinWait.SpinUntil(() => { Thread.Sleep(20); return debian.Outcome is not null; }, TimeSpan.FromMinutes(2)), "it does not end");
        CpuTimes account = host.Report().Guests[1].Cpu;
        host.StopAll(Outcome.Stopped);
        host.Join();
        string said = File.ReadAllText(log);
        string end = debian.Outcome!.Line ?? "powered off";
        Assert.SkipWhen(end.Contains("direct engine cannot run", StringComparison.Ordinal), end);
        double[][] lines = [.. said.Split('\n').Where(line => line.StartsWith("cpu ", StringComparison.Ordinal)).Select(Ticks)];
        Assert.True(lines.Length == 2, end + "\n" + said);

        // proc(5): user nice system idle iowait irq softirq steal, in hundredths of a second.
        double stolen = lines[1][7] - lines[0][7], used = lines[1].Take(3).Sum() - lines[0].Take(3).Sum();
        // Equal weights: while it computes, the neighbour has about as much.
        Assert.True(stolen > 0.4 * used, $"used {used}, stolen {stolen} hundredths\n{said}");
        // And all of it is no more than the host's own account of the guest's life.
        Assert.True(lines[1][7] <= (account.Waiting + account.Stolen) / 1e7 + 2, $"{said}\n{account}");
    }

    private static double[] Ticks(string line) => [.. line.Trim().Split(' ', StringSplitOptions.RemoveEmptyEntries).Skip(1).Select(word => double.Parse(word, CultureInfo.InvariantCulture))];
}
