using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Runtime.Network;
using Runtime.Time;
using Xunit;

namespace Tests.Network;

/// <summary>A TAP interface of this machine, the host's own network at its other end. Skipped where the user may not make one.</summary>
public sealed class TapTests
{
    private const string Name = "taptest0";
    private static readonly MacAddress s_guest = MacAddress.ForGuest(9);
    private static readonly byte[] s_address = [10, 213, 77, 2];

    [Fact]
    public void TheHostAndAGuestReachEachOther()
    {
        Assert.SkipUnless(TryIp($"tuntap add dev {Name} mode tap"), "no TAP interface can be made here: it takes /dev/net/tun, ip and CAP_NET_ADMIN");
        try
        {
            Assert.True(TryIp($"addr add 10.213.77.1/24 dev {Name}"));
            Assert.True(TryIp($"link set {Name} up"));
            using var thread = new NetworkThread(new HostClock());
            using var tap = new TapInterface(thread, Name);
            var guest = new TestStation();
            guest.Port = thread.Switch.Connect(guest, s_guest);
            thread.Start();
            using var host = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = 20_000 };
            host.Bind(new IPEndPoint(IPAddress.Parse("10.213.77.1"), 0));
            host.SendTo([1, 2, 3], new IPEndPoint(new IPAddress(s_address), 7777));
            byte[] asked = TakeOf(guest, 0x0806);
            Assert.Equal(s_address, asked[38..42]);
            guest.Send([.. asked[6..12], .. Bytes(s_guest), .. asked[12..20], 0, 2, .. Bytes(s_guest), .. s_address, .. asked[22..32]]);
            byte[] datagram = TakeOf(guest, 0x0800);
            Assert.Equal([1, 2, 3], datagram[42..45]);

            // The same back, addresses and ports exchanged; no checksum, which UDP permits.
            guest.Send([.. datagram[6..12], .. Bytes(s_guest), .. datagram[12..26], .. datagram[30..34], .. datagram[26..30], .. datagram[36..38],
                .. datagram[34..36], .. datagram[38..40], 0, 0, 4, 5, 6]);
            byte[] answer = new byte[3];
            Assert.Equal(3, host.Receive(answer));
            Assert.Equal([4, 5, 6], answer);
        }
        finally
        {
            TryIp($"link del {Name}");
        }
    }

    /// <summary>The next frame of a type to the guest or to all; the host also says what nobody asked for.</summary>
    private static byte[] TakeOf(TestStation guest, int type)
    {
        while (true)
        {
            byte[] frame = guest.Take();
            if ((frame[12] << 8 | frame[13]) == type && (type == 0x0806 || (frame[23] == 17 && frame[33] == s_address[3])))
            {
                return frame;
            }
        }
    }

    private static byte[] Bytes(MacAddress address)
    {
        byte[] bytes = new byte[MacAddress.Length];
        address.Write(bytes);
        return bytes;
    }

    private static bool TryIp(string arguments)
    {
        try
        {
            using Process ip = Process.Start(new ProcessStartInfo("ip", arguments) { RedirectStandardError = true, RedirectStandardOutput = true })!;
            ip.WaitForExit();
            return ip.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }
}
