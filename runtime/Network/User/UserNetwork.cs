// The way from guests to the outside without any right on the host: what guests send is taken apart here and sent on by ordinary sockets, as
// libslirp does for QEMU.
using System.Buffers.Binary;
using Runtime.Time;

namespace Runtime.Network.User;

/// <summary>The host's end of a guest network 10.0.2.0/24: gateway and loopback of the host .2, name server .3, guests from .15. ARP, DHCP, ICMP
/// echo, UDP and TCP over IPv4. All in the network's turn.</summary>
public sealed class UserNetwork : ISwitchClient, ITimedDevice, IDisposable
{
    /// <summary>Enough of a frame for every header with its options.</summary>
    private const int HeaderBytes = 256;

    private const ushort TypeIp = 0x0800, TypeArp = 0x0806;
    private const int MaximumNeighbours = 512;

    private readonly Dictionary<Ipv4, MacAddress> _neighbours = [];
    private readonly DhcpServer _dhcp = new();
    private readonly UdpForwarder _udp;
    private readonly TcpForwarder _tcp;
    private readonly SwitchPort _port;

    /// <param name="forwards">Ports of the host to listen on from now on.</param>
    /// <exception cref="System.Net.Sockets.SocketException">A port of the host cannot be had.</exception>
    public UserNetwork(NetworkThread thread, IReadOnlyList<PortForward> forwards)
    {
        _port = thread.Switch.Connect(this, Subnet.Mac);
        _udp = new UdpForwarder(thread, this);
        _tcp = new TcpForwarder(thread, this);
        try
        {
            foreach (PortForward forward in forwards)
            {
                if (forward.IsTcp)
                {
                    _tcp.Listen(forward);
                }
                else
                {
                    _udp.Listen(forward);
                }
            }
        }
        catch (System.Net.Sockets.SocketException)
        {
            Dispose();
            throw;
        }

        thread.AddTimer(this);
        thread.AfterRounds(_tcp.FlushAcknowledgements);
    }

    long ITimedDevice.NextDeadline => Math.Min(_udp.NextDeadline, _tcp.NextDeadline);

    void ITimedDevice.Advance(long now)
    {
        _udp.Advance(now);
        _tcp.Advance(now);
    }

    public void Dispose()
    {
        _udp.Dispose();
        _tcp.Dispose();
    }

    void ISwitchClient.Drained() => _tcp.Resume();

    void ISwitchClient.Deliver(EthernetFrame frame)
    {
        Span<byte> copy = stackalloc byte[HeaderBytes];
        ReadOnlySpan<byte> headers = copy[..frame.CopyTo(0, copy)];
        switch (BinaryPrimitives.ReadUInt16BigEndian(headers[12..]))
        {
            case TypeArp:
                Resolve(headers);
                break;
            case TypeIp when Ipv4Layout.TryFind(headers, out Ipv4Layout layout) && layout.Start == EthernetFrame.HeaderLength && layout.End <= frame.Length:
                Route(frame, headers, layout);
                break;
        }

        frame.Release();
    }

    /// <summary>Who has an address; null asks, so that it is known later.</summary>
    internal MacAddress? Find(Ipv4 guest)
    {
        if (_dhcp.OwnerOf(guest) is MacAddress owner)
        {
            return owner;
        }

        if (_neighbours.TryGetValue(guest, out MacAddress neighbour))
        {
            return neighbour;
        }

        byte[] question = new byte[EthernetFrame.HeaderLength + 28];
        WriteArp(question, MacAddress.Broadcast, operation: 1, Subnet.Gateway, default, guest);
        TrySend(new EthernetFrame(question));
        return null;
    }

    /// <summary>False when the way to the guests is full: what must not be lost waits until the forwarder is resumed.</summary>
    internal bool TrySend(EthernetFrame frame) => _port.TryTransmit(frame);

    /// <param name="packet">What does not get where it should, from its IP header on.</param>
    internal void TellUnreachable(ReadOnlySpan<byte> packet, byte code, Ipv4 guest)
    {
        if (Find(guest) is MacAddress mac)
        {
            TrySend(Unreachable.Build(mac, guest, code, packet));
        }
    }

    private void Resolve(ReadOnlySpan<byte> headers)
    {
        ReadOnlySpan<byte> arp = headers[EthernetFrame.HeaderLength..];
        if (arp.Length < 28 || BinaryPrimitives.ReadUInt64BigEndian(arp) >> 16 != 0x0001_0800_0604)
        {
            return;
        }

        Ipv4 sender = Ipv4.Read(arp[14..]), target = Ipv4.Read(arp[24..]);
        var source = MacAddress.Read(headers[MacAddress.Length..]);
        if (!TryLearn(sender, source) && sender.Value != 0)
        {
            return;
        }

        if (BinaryPrimitives.ReadUInt16BigEndian(arp[6..]) == 1 && Subnet.IsService(target))
        {
            byte[] answer = new byte[EthernetFrame.HeaderLength + 28];
            WriteArp(answer, source, operation: 2, target, source, sender);
            TrySend(new EthernetFrame(answer));
        }
    }

    private static void WriteArp(Span<byte> frame, MacAddress to, ushort operation, Ipv4 sender, MacAddress targetMac, Ipv4 target)
    {
        PacketBuilder.WriteEthernet(frame, to, TypeArp);
        Span<byte> arp = frame[EthernetFrame.HeaderLength..];
        BinaryPrimitives.WriteUInt64BigEndian(arp, 0x0001_0800_0604_0000ul | operation); // Ethernet, IPv4
        Subnet.Mac.Write(arp[8..]);
        sender.Write(arp[14..]);
        targetMac.Write(arp[18..]);
        target.Write(arp[24..]);
    }

    private void Route(EthernetFrame frame, ReadOnlySpan<byte> headers, Ipv4Layout layout)
    {
        ReadOnlySpan<byte> ip = headers[layout.Start..];
        Ipv4 source = Ipv4.Read(ip[12..]), destination = Ipv4.Read(ip[16..]);
        var guest = MacAddress.Read(headers[MacAddress.Length..]);
        int length = layout.End - layout.Transport;
        if (layout.IsUdp && length >= 8 && BinaryPrimitives.ReadUInt16BigEndian(headers[(layout.Transport + 2)..]) == DhcpServer.ServerPort)
        {
            byte[] message = new byte[Math.Min(length - 8, 1024)];
            frame.CopyTo(layout.Transport + 8, message);
            if (_dhcp.Answer(guest, message) is EthernetFrame answer)
            {
                TrySend(answer);
            }

            return;
        }

        // Guests speak for themselves; what is for the network itself, for a group or for the host's own loopback goes nowhere.
        bool leadsOut = Subnet.IsService(destination) || !(Subnet.Contains(destination) || destination.Value >> 24 is 0 or 127 or >= 224);
        if (!leadsOut || !Subnet.Contains(source) || Subnet.IsService(source) || !TryLearn(source, guest))
        {
            return;
        }

        switch (ip[9])
        {
            case PacketBuilder.Icmp when Subnet.IsService(destination):
                Echo(frame, layout, guest, source, destination);
                break;
            case PacketBuilder.Udp:
                _udp.Send(frame, layout, headers, source, destination);
                break;
            case PacketBuilder.Tcp when headers.Length >= layout.Transport + 20:
                _tcp.Receive(frame, layout, headers, source, destination);
                break;
        }
    }

    /// <summary>False for an address that another guest has been given.</summary>
    private bool TryLearn(Ipv4 address, MacAddress guest)
    {
        if (_dhcp.OwnerOf(address) is MacAddress owner)
        {
            return owner == guest;
        }

        if (!Subnet.Contains(address) || Subnet.IsService(address) || (_neighbours.Count >= MaximumNeighbours && !_neighbours.ContainsKey(address)))
        {
            return false;
        }

        _neighbours[address] = guest;
        return true;
    }

    /// <summary>ICMP echo (RFC 792), answered by the gateway and the name server themselves.</summary>
    private void Echo(EthernetFrame frame, Ipv4Layout layout, MacAddress guest, Ipv4 source, Ipv4 destination)
    {
        byte[] answer = new byte[PacketBuilder.Transport + layout.End - layout.Transport];
        Span<byte> icmp = answer.AsSpan(PacketBuilder.Transport);
        frame.CopyTo(layout.Transport, icmp);
        if (icmp.Length < 8 || icmp[0] != 8)
        {
            return;
        }

        PacketBuilder.WriteIp(answer, guest, destination, source, PacketBuilder.Icmp, answer.Length - PacketBuilder.IpHeader);
        icmp[0] = icmp[2] = icmp[3] = 0;
        BinaryPrimitives.WriteUInt16BigEndian(icmp[2..], InternetChecksum.Finish(InternetChecksum.Sum(icmp)));
        TrySend(new EthernetFrame(answer));
    }
}
