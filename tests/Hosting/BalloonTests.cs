using System.Globalization;
using Runtime;
using Runtime.Accounts;
using Runtime.Hosting;
using Tests.Boot;
using Xunit;

namespace Tests.Hosting;

/// <summary>Debian's own balloon driver, told by XenStore how much to keep.</summary>
[Collection(HostingCollection.Name)]
public sealed class BalloonTests : IDisposable
{
    private const ulong Mebibyte = 1 << 20;

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("balloon-");

    private string Log => Path.Combine(_folder.FullName, "log");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void DebianFollowsAndGetsNoMoreThanThereIs()
    {
        string kernel = LinuxGuest.Kernel("686-pae");
        string initrd = LinuxGuest.Initramfs(_folder.FullName, "while :; do grep MemTotal /proc/meminfo; sleep 1; done");
        using GuestHost host = Start($"""
            - name: debian
                kernel: {kernel}
                initrd: {initrd}
                append: console=ttyS0 quiet
                memory: 160M
                maximum: 256M
                log: {Log}
            """);
        HostedGuest debian = host.Guests[0];

        // Its machine has 256M; from the start it may hold 160M, and its driver comes down to that.
        int most = AwaitTotal(debian, total => total is > 0 and < 165 * 1024);

        Assert.Null(host.SetMemory(debian, 100 * Mebibyte));
        Assert.Equal(100 * Mebibyte, host.Report().Guests[0].MemoryLimit);
        int least = AwaitTotal(debian, total => total < most - (55 * 1024));
        Await(debian, () => host.Report().Guests[0].Memory.Pages * 4096 < 110 * 1024 * 1024);

        // The other guest has 32M of the host's 220M; each needs a little to be run at all.
        Assert.Contains("the other guests leave 172M", host.SetMemory(debian, 180 * Mebibyte), StringComparison.Ordinal);
        Assert.Contains("2M to 256M", host.SetMemory(debian, 300 * Mebibyte), StringComparison.Ordinal);
        Assert.Null(host.SetMemory(debian, 150 * Mebibyte));
        AwaitTotal(debian, total => total > least + (45 * 1024));
        Assert.Null(debian.Outcome);

        // A guest that ends gives everything back.
        host.Guests[1].Stop(Outcome.Stopped);
        Await(debian, () => host.Guests[1].Outcome is not null);
        Assert.Null(host.SetMemory(debian, 180 * Mebibyte));
        debian.Stop(Outcome.Stopped);
        host.Join();
        Assert.Equal(0ul, debian.PromisedBytes);
        Assert.Contains("has ended", host.SetMemory(debian, 100 * Mebibyte), StringComparison.Ordinal);
    }

    /// <summary>A guest that has no driver for its balloon and uses all the RAM it sees dies of it; nobody else does.</summary>
    [Fact]
    public void WhoHoldsMoreThanItMayDies()
    {
        using GuestHost host = Start($"""
            - name: greedy
                kernel: {Repository.Kernel("ukernel")}
                memory: 16M
                maximum: 64M
            """);
        HostedGuest greedy = host.Guests[0];
        Assert.True(SpinWait.SpinUntil(() => { Thread.Sleep(5); host.Report(); return greedy.Outcome is not null; }, TimeSpan.FromMinutes(2)), "it lives on");
        SkipWithoutEngine(greedy);
        Assert.Contains("may hold 16M", greedy.Outcome!.Line, StringComparison.Ordinal);
        Assert.Null(host.Guests[1].Outcome);
        host.StopAll(Outcome.Stopped);
        host.Join();
    }

    /// <summary>A host of 220M with a guest and one more that has 32M.</summary>
    private static GuestHost Start(string guest)
    {
        HostDescription description = GuestsFile.Parse("test.yaml", $"""
            host: {"{"} memory: 220M {"}"}
            guests:
              {guest}
              - name: other
                kernel: {Repository.Kernel("unruly")}
                append: storm
                memory: 32M
            """);
        var host = new GuestHost(description, PreparedGuest.Prepare(description));
        host.Start();
        return host;
    }

    /// <summary>Waits until the guest counts so many KiB; its log is what it says.</summary>
    private int AwaitTotal(HostedGuest guest, Func<int, bool> holds)
    {
        int total = 0;
        Await(guest, () =>
        {
            string? last = File.ReadLines(Log).LastOrDefault(line => line.StartsWith("MemTotal:", StringComparison.Ordinal) && line.Contains("kB", StringComparison.Ordinal));
            total = last is null ? 0 : int.Parse(last.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
            return holds(total);
        });
        return total;
    }

    private void Await(HostedGuest guest, Func<bool> holds)
    {
        bool came = SpinWait.SpinUntil(
            () =>
            {
                Thread.Sleep(100);
                return guest.Outcome is not null || holds();
            },
            TimeSpan.FromMinutes(1));
        SkipWithoutEngine(guest);
        Assert.True(came && guest.Outcome is null, $"it does not come: {guest.Outcome?.Line}\n{File.ReadAllText(Log)}");
    }

    private static void SkipWithoutEngine(HostedGuest guest)
    {
        string note = guest.Note ?? "";
        Assert.SkipWhen(note.Contains("interpreter", StringComparison.Ordinal), note);
    }
}
