using System.Globalization;
using Runtime;
using Runtime.Accounts;
using Runtime.Commands;
using Runtime.Reporting;
using Tests.Boot;
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
        (double accounts, double kernel) from = KernelTime.Measure(host.Host, "block ring");
        host.Use(TimeSpan.FromSeconds(3));
        (double accounts, double kernel) to = KernelTime.Measure(host.Host, "block ring");
        double accounted = to.accounts - from.accounts, measured = to.kernel - from.kernel;
        Assert.True(Math.Abs(accounted - measured) < 0.02 * measured + 0.05, $"accounts {accounted:f3} s, kernel {measured:f3} s");

        // Of the flood, the ring's thread did its part, and requests waited for it.
        DiskUse use = host["d"].Disk;
        Assert.True(use is { QueueNanoseconds: > 0, ServiceNanoseconds: > 0 }, use.ToString());
        File.Delete(disk);
    }

    /// <summary>A host from its start to its end: what it says was used is what the kernel charges its parent with, though guests came, ended, and
    /// were killed meanwhile. No part of it is lost with them.</summary>
    [Fact]
    public void HostsFigureIsWhatItsParentIsChargedWith()
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("accounts-");
        string file = Path.Combine(folder.FullName, "guests.yaml"), json = Path.Combine(folder.FullName, "accounts.json"), disk = Path.Combine(folder.FullName, "disk");
        File.WriteAllBytes(disk, new byte[1 << 20]);
        string[] loads = ["unruly hog", "unruly ports briefly", "unruly storm", "unruly spaces briefly", "unruly nothing", "xenabi flood-disk", "ukernel", "unruly thrash briefly"];
        File.WriteAllText(file, "host: { cpus: 1 }\nguests:\n" + string.Concat(loads.Select((load, number) => $"""
              - name: g{number}
                kernel: {Repository.Kernel(load.Split(' ')[0])}
                append: "{load[load.Split(' ')[0].Length..]}"
                memory: 32M
                {(load.EndsWith("disk", StringComparison.Ordinal) ? $"disks: [{disk}]" : "")}

            """)));
        string command = $"TIMEFORMAT='%U %S'; time dotnet {typeof(VirtualMachine).Assembly.Location} host {file} --socket {folder.FullName}/socket --json {json} --time-limit 5s >/dev/null";
        ChildResult result = ChildProcess.Run("bash", ["-c", command], TimeSpan.FromMinutes(1));
        double charged = result.Errors.Trim().Split('\n')[^1].Split(' ').Sum(part => double.Parse(part, CultureInfo.InvariantCulture));
        HostReport report = AccountJson.Read(File.ReadAllText(json));
        folder.Delete(recursive: true);
        Assert.True(report.Guests.Count(guest => guest.Outcome == "ended" || guest.ExitStatus == 0x23) > 0, result.Errors);
        double measured = report.MeasuredNanoseconds / 1e9;
        Assert.True(Math.Abs(measured - charged) < (0.02 * charged) + 0.1, $"the host says {measured:f3} s, its parent was charged with {charged:f3} s");
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
        int[] before = [.. KernelTime.Children()];
        using (var host = new RunningHost(("a", "spaces", ""), ("b", "hog", "")))
        {
            host.Use(TimeSpan.FromMilliseconds(200));
        }

        Assert.Empty(KernelTime.Children().Except(before));
    }
}
