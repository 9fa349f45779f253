using System.Globalization;
using Runtime.Accounts;
using Xunit;

namespace Tests.Hosting;

[Collection(HostingCollection.Name)]
public sealed class AccountTests
{
    /// <summary>What guests are charged with is what the host's kernel says was used, by this process for them and by theirs. The kernel's figures
    /// are read the way that ps reads them; this process's other work, tests included, is the part that has to be taken off.</summary>
    [Fact]
    public void SumOfAccountsIsWhatTheKernelMeasured()
    {
        string disk = Path.GetTempFileName();
        using (FileStream file = File.OpenWrite(disk))
        {
            file.SetLength(1 << 20);
        }

        using var host = new RunningHost(("a", "hog", ""), ("b", "ports", ""), ("c", "thrash", ""), ("d", "xenabi:flood-disk", "disks: " + disk));
        host.Wait(report => report.Guests[3].Disk.Reads > 1000);
        (double accounts, double kernel) from = Measure(host);
        host.Use(TimeSpan.FromSeconds(3));
        (double accounts, double kernel) to = Measure(host);
        double accounted = to.accounts - from.accounts, measured = to.kernel - from.kernel;
        Assert.True(Math.Abs(accounted - measured) < 0.02 * measured + 0.05, $"accounts {accounted:f3} s, kernel {measured:f3} s");

        // Of the flood, the ring's thread did its part, and requests waited for it.
        DiskUse use = host["d"].Disk;
        Assert.True(use is { QueueNanoseconds: > 0, ServiceNanoseconds: > 0 }, use.ToString());
        File.Delete(disk);
    }

    [Fact]
    public void AccountsNeverFall()
    {
        using var host = new RunningHost(("a", "hog", ""), ("b", "storm", "weight: 300"));
        HostReport last = host.Host.Report();
        long begin = last.UptimeNanoseconds;
        host.Wait(report =>
        {
            foreach ((GuestReport before, GuestReport now) in last.Guests.Zip(report.Guests))
            {
                CpuTimes grown = now.Cpu - before.Cpu;
                long[] parts = [grown.Guest, grown.Monitor, grown.Device, grown.Stolen, grown.Waiting, grown.Blocked, now.ExitCount - before.ExitCount, now.Turns - before.Turns];
                Assert.All(parts, part => Assert.True(part >= 0, now.ToString()));
                Assert.True(now.Memory.PageSeconds >= before.Memory.PageSeconds);
            }

            last = report;
            return report.UptimeNanoseconds - begin > 500_000_000;
        });
    }

    [Fact]
    public void PausedGuestUsesNothingAndGoesOnAfterwards()
    {
        using var host = new RunningHost(("a", "hog", ""), ("b", "hog", ""));
        Assert.True(host.Host.TryFind("a", out Runtime.Hosting.HostedGuest? guest));
        guest.Pause();
        // Its turn ends with the kick; what it used until then is charged a little later.
        host.Use(TimeSpan.FromMilliseconds(200));
        IReadOnlyDictionary<string, CpuTimes> use = host.Use(TimeSpan.FromMilliseconds(500));
        Assert.Equal(0, use["a"].Used);
        Assert.Equal("paused", host["a"].State);
        guest.Resume();
        Assert.InRange(host.Use(TimeSpan.FromSeconds(1))["a"].Used, 400_000_000, 700_000_000);
    }

    [Fact]
    public void LogHasWhatTheGuestSaid()
    {
        string log = Path.GetTempFileName();
        using (var host = new RunningHost(("a", "nothing-that-it-knows", "log: " + log)))
        {
            Assert.True(host.Host.WaitForEnd(TimeSpan.FromMinutes(1)));
        }

        Assert.Equal("unruly: say hog, storm, ports, console, thrash or spaces\n", File.ReadAllText(log));
        File.Delete(log);
    }

    /// <summary>The processes of all guests are children of this one: after the end none is left.</summary>
    [Fact]
    public void EndedHostLeavesNoProcessBehind()
    {
        int[] before = [.. Children()];
        using (var host = new RunningHost(("a", "spaces", ""), ("b", "hog", "")))
        {
            host.Use(TimeSpan.FromMilliseconds(200));
        }

        Assert.Empty(Children().Except(before));
    }

    /// <summary>With all guests paused meanwhile, so that both are taken at the same instant.</summary>
    private static (double Accounts, double Kernel) Measure(RunningHost host)
    {
        foreach (Runtime.Hosting.HostedGuest guest in host.Host.Guests)
        {
            guest.Pause();
        }

        long used = -1;
        host.Wait(report =>
        {
            long before = used;
            used = report.Guests.Sum(guest => guest.Cpu.Used);
            Thread.Sleep(50);
            return used == before;
        });
        string[] names = ["guest a", "guest b", "guest c", "guest d", "alarm", "block ring"];
        double ticks = 0;
        foreach (string task in Directory.EnumerateDirectories("/proc/self/task"))
        {
            if (names.Contains(File.ReadAllText(task + "/comm").Trim()))
            {
                ticks += Ticks(task + "/stat");
            }
        }

        ticks += Children().Sum(child => Ticks($"/proc/{child}/stat"));
        foreach (Runtime.Hosting.HostedGuest guest in host.Host.Guests)
        {
            guest.Resume();
        }

        return (used / 1e9, ticks / 100);
    }

    /// <summary>utime and stime of proc(5), in hundredths of a second.</summary>
    private static double Ticks(string stat)
    {
        string[] fields = Fields(stat);
        return fields.Length < 13 ? 0 : double.Parse(fields[11], CultureInfo.InvariantCulture) + double.Parse(fields[12], CultureInfo.InvariantCulture);
    }

    private static IEnumerable<int> Children()
    {
        foreach (string folder in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(folder), out int process) && Fields(folder + "/stat") is { Length: > 13 } fields
                && int.Parse(fields[1], CultureInfo.InvariantCulture) == Environment.ProcessId && fields[0] != "Z")
            {
                yield return process;
            }
        }
    }

    private static string[] Fields(string stat)
    {
        try
        {
            string text = File.ReadAllText(stat);
            return text[(text.LastIndexOf(')') + 2)..].Split(' ');
        }
        catch (IOException)
        {
            return [];
        }
    }
}
