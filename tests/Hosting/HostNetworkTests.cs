using Runtime;
using Runtime.Accounts;
using Runtime.Hosting;
using Runtime.Network;
using Runtime.Time;
using Tests.Boot;
using Tests.Images;
using Xunit;

namespace Tests.Hosting;

/// <summary>Two Debians of one host, on its switch by their own drivers; the store of a running one.</summary>
[Collection(HostingCollection.Name)]
public sealed class HostNetworkTests : IDisposable
{
    private const int Bytes = 8 << 20;

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("host-network-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void GuestsReachEachOtherAndPayForIt()
    {
        string kernel = LinuxGuest.Kernel("686-pae");
        string module = Directory.EnumerateFiles(Fixture.Downloaded("modules/*-686-pae"), "xen-netfront.ko", SearchOption.AllDirectories).First();
        string initrd = LinuxGuest.Initramfs(
            _folder.FullName,
            $$"""
            insmod /modules/xen-netfront.ko
            if grep -q role=taker /proc/cmdline; then
                ifconfig eth0 10.0.3.1 netmask 255.255.255.0 up
                nc -l -p 5001 -e md5sum
                while :; do sleep 1; done
            fi
            ifconfig eth0 10.0.3.2 netmask 255.255.255.0 up
            until ping -c 1 -W 1 10.0.3.1 >/dev/null 2>&1; do :; done
            ping -c 20 -i 0.01 10.0.3.1
            nc 10.0.3.1 5001 -e dd if=/dev/zero bs=64k count={{Bytes >> 16}}
            echo all sent
            while :; do sleep 1; done
            """,
            $"{module}:/modules/xen-netfront.ko");
        string Guest(string role) => $$"""  - { name: {{role}}, kernel: {{kernel}}, initrd: {{initrd}}, memory: 128M, net: switch, log: {{Log(role)}}, append: console=ttyS0 quiet role={{role}} }""";
        HostDescription description = GuestsFile.Parse("test.yaml", $"guests:\n{Guest("taker")}\n{Guest("sender")}\n");
        using var network = new HostNetwork(new HostClock());
        using var host = new GuestHost(description, PreparedGuest.Prepare(description), network);
        double before = KernelTime.EndedChildren;
        host.Start();
        Await(host, () => Said("sender").Contains("all sent", StringComparison.Ordinal) && Of(host, "taker").Network.BytesReceived > Bytes);

        Assert.Contains("20 packets received", Said("sender"), StringComparison.Ordinal);
        NetworkUse sender = Of(host, "sender").Network, taker = Of(host, "taker").Network;
        Assert.InRange(sender.BytesSent, Bytes, Bytes + (Bytes / 10));
        Assert.InRange(taker.BytesReceived, Bytes, sender.BytesSent);
        Assert.InRange(taker.BytesSent, 1, Bytes / 10);
        Assert.True(sender.FramesSent < Bytes / 4096, $"{sender.FramesSent} frames: TCP is cut into segments on its way");

        // The network's own thread worked for both, and is paid for: nothing of what the kernel measured is left over.
        Assert.True(host.Report().Guests.All(guest => guest.Cpu.Device > 0));
        (double accounts, double used) = KernelTime.Measure(host, "network");
        used -= before;
        Assert.True(Math.Abs(accounts - used) < (0.02 * used) + 0.05, $"accounts {accounts:f3} s, kernel {used:f3} s");

        // What runtime xenstore ls prints: the front end that is connected, and its back end.
        string store = host.Guests[0].ListStore()!;
        Assert.Contains("vif", store, StringComparison.Ordinal);
        Assert.Contains("52:54:00:12:34:56", store, StringComparison.Ordinal);
        Assert.Contains("52:54:00:12:34:57", host.Guests[1].ListStore()!, StringComparison.Ordinal);
        host.StopAll(Outcome.Stopped);
        host.Join();
        Assert.Null(host.Guests[0].ListStore());
    }

    private static GuestReport Of(GuestHost host, string name) => host.Report().Guests.Single(guest => guest.Name == name);

    private string Log(string role) => Path.Combine(_folder.FullName, role + ".log");

    private string Said(string role) => File.Exists(Log(role)) ? File.ReadAllText(Log(role)) : "";

    private void Await(GuestHost host, Func<bool> holds)
    {
        bool came = SpinWait.SpinUntil(
            () =>
            {
                Thread.Sleep(100);
                return host.Guests.Any(guest => guest.Outcome is not null) || holds();
            },
            TimeSpan.FromMinutes(2));
        string note = host.Guests[0].Note ?? "";
        Assert.SkipWhen(note.Contains("interpreter", StringComparison.Ordinal), note);
        Assert.True(came && host.Guests.All(guest => guest.Outcome is null), $"it does not come: {Said("sender")}\n{Said("taker")}");
    }
}
