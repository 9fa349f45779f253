using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Runtime.Network;
using Runtime.Network.User;
using Xunit;

namespace Tests.Network;

/// <summary>Addresses, echo, datagrams, and guests that mean no good.</summary>
public sealed class UserNetworkTests
{
    [Fact]
    public void TheGatewayAnswersArp()
    {
        using var guest = new UserGuest();
        guest.Announce();
    }

    [Fact]
    public void DhcpGivesTheFirstAddress()
    {
        using var guest = new UserGuest();
        byte[] offer = Dhcp(guest, type: 1);
        Assert.Equal(2, Option(offer, 53)[0]);
        Assert.Equal([10, 0, 2, 15], offer[(42 + 16)..(42 + 20)]);
        byte[] lease = Dhcp(guest, type: 3);
        Assert.Equal(5, Option(lease, 53)[0]);
        Assert.Equal([10, 0, 2, 2], Option(lease, 3));
        Assert.Equal([10, 0, 2, 3], Option(lease, 6));
        Assert.Equal([255, 255, 255, 0], Option(lease, 1));
    }

    [Fact]
    public void TheGatewayAnswersEcho()
    {
        using var guest = new UserGuest();
        byte[] echo = [8, 0, 0, 0, 0x12, 0x34, 0, 1, .. "some data"u8];
        guest.Station.Send(UserGuest.Packet(1, UserGuest.Gateway, echo));
        byte[] answer = guest.Station.Take();
        Assert.Equal(0, answer[34]);
        Assert.Equal(echo[4..], answer[38..(34 + echo.Length)]);
        Assert.Equal(0, InternetChecksum.Finish(InternetChecksum.Sum(answer.AsSpan(34, echo.Length))));
        Assert.Equal(0, InternetChecksum.Finish(InternetChecksum.Sum(answer.AsSpan(14, 20))));
    }

    [Fact]
    public void DatagramsGoBothWays()
    {
        using Socket host = Bound();
        using var guest = new UserGuest();
        guest.SendUdp(UserGuest.Gateway, 5353, Port(host), [1, 2, 3]);
        byte[] buffer = new byte[100];
        EndPoint from = UserGuest.Loopback(0);
        Assert.Equal(3, host.ReceiveFrom(buffer, ref from));
        host.SendTo([9, 8], from);
        byte[] answer = guest.Station.Take();
        Assert.Equal(5353, BinaryPrimitives.ReadUInt16BigEndian(answer.AsSpan(36)));
        Assert.Equal(Port(host), BinaryPrimitives.ReadUInt16BigEndian(answer.AsSpan(34)));
        Assert.Equal([9, 8], answer[42..44]);
    }

    /// <summary>A port of a guest's is open only to those that the guest has written to.</summary>
    /// <summary>10.0.2.3 stands for the first IPv4 name server that the host itself uses, for datagrams and connections alike.</summary>
    [Fact]
    public void TheNameServerIsTheHosts()
    {
        IPEndPoint target = HostAddresses.For(Subnet.NameServer, 53);
        Assert.Equal(53, target.Port);
        string? first = File.Exists("/etc/resolv.conf")
            ? File.ReadLines("/etc/resolv.conf").Select(line => line.Split(' ', '\t', StringSplitOptions.RemoveEmptyEntries))
                .FirstOrDefault(words => words is ["nameserver", var address, ..] && IPAddress.TryParse(address, out IPAddress? parsed) && parsed.AddressFamily == AddressFamily.InterNetwork)?[1]
            : null;
        Assert.Equal(first ?? "127.0.0.1", target.Address.ToString());
    }

    [Fact]
    public void StrangersDoNotReachTheGuest()
    {
        using Socket host = Bound();
        using Socket stranger = Bound();
        using var guest = new UserGuest();
        guest.SendUdp(UserGuest.Gateway, 5353, Port(host), [1]);
        EndPoint from = UserGuest.Loopback(0);
        host.ReceiveFrom(new byte[100], ref from);
        stranger.SendTo([6, 6, 6], UserGuest.Loopback(((IPEndPoint)from).Port));
        host.SendTo([1], from);
        Assert.Equal(1, guest.Station.Take()[42]);
        Assert.Equal(0, guest.Station.Count);
    }

    [Fact]
    public void ForwardedDatagramsAreAnsweredToTheirSender()
    {
        ushort port;
        using (Socket probe = Bound())
        {
            port = Port(probe);
        }

        using var guest = new UserGuest(new PortForward(false, UserGuest.Loopback(port), null, 69));
        guest.Announce();
        using Socket client = Bound();
        client.SendTo([5, 5], UserGuest.Loopback(port));
        byte[] arrived = guest.Station.Take();
        Assert.Equal(69, BinaryPrimitives.ReadUInt16BigEndian(arrived.AsSpan(36)));
        Assert.Equal([5, 5], arrived[42..44]);
        guest.SendUdp(UserGuest.Gateway, 69, BinaryPrimitives.ReadUInt16BigEndian(arrived.AsSpan(34)), [4]);
        byte[] buffer = new byte[10];
        Assert.Equal(1, client.Receive(buffer));
        Assert.Equal(4, buffer[0]);
    }

    /// <summary>An address that one guest was given is not another's to speak or listen with.</summary>
    [Fact]
    public void LeasesAreNotForOthers()
    {
        using Socket host = Bound();
        host.ReceiveTimeout = 300;
        using var guest = new UserGuest();
        Dhcp(guest, type: 3);
        byte[] udp = [0, 1, .. BitConverter.GetBytes(BinaryPrimitives.ReverseEndianness(Port(host))), 0, 9, 0, 0, 7];
        byte[] forged = UserGuest.Packet(17, UserGuest.Gateway, udp);
        MacAddress.ForGuest(77).Write(forged.AsSpan(6));
        guest.Station.Send(forged);
        Assert.Throws<SocketException>(() => host.Receive(new byte[10]));
    }

    /// <summary>The host's own loopback is reached by the gateway's address only, and nothing is sent to networks and groups.</summary>
    [Theory]
    [InlineData(0x7F00_0001)]
    [InlineData(0xE000_0001)]
    [InlineData(0x0A00_0299)]
    [InlineData(0x0000_0000)]
    [InlineData(0xFFFF_FFFF)]
    public void SomeAddressesLeadNowhere(uint to)
    {
        using Socket host = Bound();
        host.ReceiveTimeout = 200;
        using var guest = new UserGuest();
        guest.SendUdp(to, 1, Port(host), [1]);
        Assert.Throws<SocketException>(() => host.Receive(new byte[10]));
        var tcp = new GuestTcp(guest, to, 1, Port(host));
        tcp.Send(GuestTcp.Syn, []);
        guest.Announce(); // still alive, and nothing else came
        Assert.Equal(0, guest.Station.Count);
    }

    /// <summary>What the host says of an address that it cannot reach: the guest hears that its datagram leads nowhere, of which one it is told, and
    /// of nothing else.</summary>
    [Theory]
    [InlineData(SocketError.NetworkUnreachable, 0)]
    [InlineData(SocketError.HostUnreachable, 1)]
    [InlineData(SocketError.AccessDenied, 13)]
    [InlineData(SocketError.NoBufferSpaceAvailable, null)]
    [InlineData(SocketError.Success, null)]
    public void TheGatewayTellsWhatCannotBeReached(SocketError error, int? code)
    {
        Assert.Equal(code, Unreachable.CodeOf(error));
        if (code is null)
        {
            return;
        }

        byte[] packet = UserGuest.Packet(17, 0xCB00_7109, [0, 1, 0, 9, 0, 40, 0, 0, 77, 78])[14..];
        byte[] told = Unreachable.Build(UserGuest.Mac, new Ipv4(UserGuest.Address), (byte)code, packet).ToArray();
        Assert.Equal(14 + 20 + 8 + 28, told.Length);
        Assert.Equal(UserGuest.Mac, MacAddress.Read(told));
        Assert.Equal(UserGuest.Gateway, BinaryPrimitives.ReadUInt32BigEndian(told.AsSpan(26)));
        Assert.Equal(UserGuest.Address, BinaryPrimitives.ReadUInt32BigEndian(told.AsSpan(30)));
        Assert.Equal(new byte[] { 3, (byte)code }, told[34..36]);
        Assert.Equal(0, InternetChecksum.Finish(InternetChecksum.Sum(told.AsSpan(14, 20))));
        Assert.Equal(0, InternetChecksum.Finish(InternetChecksum.Sum(told.AsSpan(34))));
        Assert.Equal(packet[..28], told[42..]);
    }

    /// <summary>End to end, where the host of these tests has an address that it knows no way to.</summary>
    [Fact]
    public void ADatagramWithoutAWayIsAnswered()
    {
        const uint documentation = 0xCB00_7109; // 203.0.113.9, RFC 5737
        SocketError error = SocketError.Success;
        using (var probe = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp))
        {
            try
            {
                probe.SendTo([1], new IPEndPoint(IPAddress.Parse("203.0.113.9"), 9));
            }
            catch (SocketException lost)
            {
                error = lost.SocketErrorCode;
            }
        }

        Assert.SkipUnless(Unreachable.CodeOf(error) is not null, "this host sends to any address");
        using var guest = new UserGuest();
        guest.Announce();
        guest.SendUdp(documentation, 1, 9, [1]);
        Assert.Equal(new byte[] { 3, Unreachable.CodeOf(error)!.Value }, guest.Station.Take()[34..36]);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void NoPacketEndsTheNetwork(int seed)
    {
        using Socket listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(UserGuest.Loopback(0));
        listener.Listen();
        using var guest = new UserGuest();
        var random = new Random(seed);
        var tcp = new GuestTcp(guest, UserGuest.Gateway, 1234, Port(listener));
        tcp.Connect();
        for (int i = 0; i < 20_000; i++)
        {
            while (!guest.Station.Port.TryTransmit(new EthernetFrame(Mutated(random, Port(listener), tcp))))
            {
                Thread.Yield();
            }

            while (guest.Station.TryTake() is not null)
            {
            }
        }

        SettleAndAnnounce(guest);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void NoQuestionEndsTheNetwork(int seed)
    {
        using var guest = new UserGuest();
        var random = new Random(seed);
        for (int i = 0; i < 20_000; i++)
        {
            byte[] frame = random.Next(2) == 0 ? ArpQuestion() : DhcpQuestion((byte)random.Next(10));
            for (int k = random.Next(6); k > 0; k--)
            {
                // Fields of the headers more often than the rest, lengths and option codes among them.
                frame[random.Next(frame.Length - 6 < 40 ? 12 : random.Next(2) == 0 ? 12 : frame.Length - 30, frame.Length)] = (byte)random.Next(256);
            }

            guest.Station.Port.TryTransmit(new EthernetFrame(frame[..(random.Next(3) == 0 ? random.Next(14, frame.Length + 1) : frame.Length)]));
            while (guest.Station.TryTake() is byte[] answer)
            {
                Assert.InRange(answer.Length, 14, EthernetFrame.LongestOnWire);
            }
        }

        SettleAndAnnounce(guest);
    }

    /// <summary>It still answers, when all that came before is answered.</summary>
    private static void SettleAndAnnounce(UserGuest guest)
    {
        SpinWait.SpinUntil(() => false, 50);
        while (guest.Station.TryTake() is not null)
        {
        }

        guest.Announce();
    }

    private static byte[] ArpQuestion()
    {
        byte[] arp = new byte[42];
        MacAddress.Broadcast.Write(arp);
        UserGuest.Mac.Write(arp.AsSpan(6));
        BinaryPrimitives.WriteUInt64BigEndian(arp.AsSpan(12), 0x0806_0001_0800_0604);
        arp[21] = 1;
        BinaryPrimitives.WriteUInt32BigEndian(arp.AsSpan(28), UserGuest.Address);
        BinaryPrimitives.WriteUInt32BigEndian(arp.AsSpan(38), UserGuest.NameServer);
        return arp;
    }

    private static byte[] Mutated(Random random, ushort port, GuestTcp tcp)
    {
        byte[] body = new byte[random.Next(200)];
        random.NextBytes(body);
        if (random.Next(2) == 0 && body.Length >= 20)
        {
            // For the connection there is, with numbers near to the right ones.
            BinaryPrimitives.WriteUInt16BigEndian(body, 1234);
            BinaryPrimitives.WriteUInt16BigEndian(body.AsSpan(2), port);
            BinaryPrimitives.WriteUInt32BigEndian(body.AsSpan(4), tcp.Sent + (uint)random.Next(-300, 300));
            body[12] = (byte)(random.Next(2) == 0 ? 0x50 : body[12]);
            body[13] &= unchecked((byte)~(random.Next(50) == 0 ? 0 : GuestTcp.Rst));
        }

        uint[] targets = [UserGuest.Gateway, UserGuest.NameServer, 0x7F00_0001];
        byte[] frame = UserGuest.Packet((byte)new[] { 1, 6, 17 }[random.Next(3)], targets[random.Next(2)], body);
        for (int k = random.Next(3); k > 0; k--)
        {
            frame[random.Next(12, Math.Min(frame.Length, 34))] = (byte)random.Next(256);
        }

        return frame[..random.Next(14, frame.Length + 1)];
    }

    private static byte[] Dhcp(UserGuest guest, byte type)
    {
        guest.Station.Send(DhcpQuestion(type));
        return guest.Station.Take();
    }

    private static byte[] DhcpQuestion(byte type)
    {
        byte[] message = new byte[260];
        message[0] = message[1] = 1;
        message[2] = 6;
        UserGuest.Mac.Write(message.AsSpan(28));
        BinaryPrimitives.WriteUInt32BigEndian(message.AsSpan(236), 0x6382_5363);
        new byte[] { 53, 1, type, 255 }.CopyTo(message, 240);
        byte[] udp = [0, 68, 0, 67, .. BitConverter.GetBytes(BinaryPrimitives.ReverseEndianness((ushort)268)), 0, 0, .. message];
        return UserGuest.Packet(17, uint.MaxValue, udp, from: 0);
    }

    private static byte[] Option(byte[] frame, byte wanted)
    {
        int at = 42 + 240;
        while (frame[at] != wanted)
        {
            at += 2 + frame[at + 1];
        }

        return frame[(at + 2)..(at + 2 + frame[at + 1])];
    }

    private static Socket Bound()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = 20_000 };
        socket.Bind(UserGuest.Loopback(0));
        return socket;
    }

    private static ushort Port(Socket socket) => (ushort)((IPEndPoint)socket.LocalEndPoint!).Port;
}
