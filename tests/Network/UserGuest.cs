using System.Buffers.Binary;
using System.Net;
using Runtime.Network;
using Runtime.Network.User;
using Runtime.Time;
using Xunit;

namespace Tests.Network;

/// <summary>A user network and a guest of a few lines that speaks ARP, UDP and TCP with it.</summary>
internal sealed class UserGuest : IDisposable
{
    public static readonly MacAddress Mac = MacAddress.ForGuest(1);
    public const uint Gateway = 0x0A00_0202, NameServer = 0x0A00_0203, Address = 0x0A00_020F;

    private readonly NetworkThread _thread = new(new HostClock());
    private readonly UserNetwork _network;

    public UserGuest(params PortForward[] forwards)
    {
        _network = new UserNetwork(_thread, forwards);
        Station.Port = _thread.Switch.Connect(Station, Mac);
        _thread.Start();
    }

    public TestStation Station { get; } = new();

    public void Dispose()
    {
        _thread.Dispose();
        _network.Dispose();
    }

    /// <summary>A packet to the outside, all checksums left out.</summary>
    public static byte[] Packet(byte protocol, uint to, byte[] transport, uint from = Address)
    {
        byte[] frame = new byte[34 + transport.Length];
        new MacAddress(0x5255_0A00_0202).Write(frame);
        Mac.Write(frame.AsSpan(6));
        frame[12] = 8;
        Span<byte> ip = frame.AsSpan(14);
        ip[0] = 0x45;
        BinaryPrimitives.WriteUInt16BigEndian(ip[2..], (ushort)(20 + transport.Length));
        ip[8] = 64;
        ip[9] = protocol;
        BinaryPrimitives.WriteUInt32BigEndian(ip[12..], from);
        BinaryPrimitives.WriteUInt32BigEndian(ip[16..], to);
        transport.CopyTo(frame, 34);
        return frame;
    }

    public void SendUdp(uint to, ushort fromPort, ushort toPort, byte[] data)
    {
        byte[] udp = new byte[8 + data.Length];
        BinaryPrimitives.WriteUInt16BigEndian(udp, fromPort);
        BinaryPrimitives.WriteUInt16BigEndian(udp.AsSpan(2), toPort);
        BinaryPrimitives.WriteUInt16BigEndian(udp.AsSpan(4), (ushort)udp.Length);
        data.CopyTo(udp, 8);
        Station.Send(Packet(17, to, udp));
    }

    /// <summary>Says who has an address, which the network needs to know before it can send there.</summary>
    public void Announce(uint address = Address)
    {
        byte[] arp = new byte[42];
        MacAddress.Broadcast.Write(arp);
        Mac.Write(arp.AsSpan(6));
        BinaryPrimitives.WriteUInt64BigEndian(arp.AsSpan(12), 0x0806_0001_0800_0604);
        arp[21] = 1;
        Mac.Write(arp.AsSpan(22));
        BinaryPrimitives.WriteUInt32BigEndian(arp.AsSpan(28), address);
        BinaryPrimitives.WriteUInt32BigEndian(arp.AsSpan(38), Gateway);
        Station.Send(arp);
        byte[] answer = Station.Take();
        Assert.Equal(2, answer[21]);
        Assert.Equal(new MacAddress(0x5255_0A00_0202), MacAddress.Read(answer.AsSpan(22)));
        Assert.Equal(Gateway, BinaryPrimitives.ReadUInt32BigEndian(answer.AsSpan(28)));
    }

    public static IPEndPoint Loopback(int port) => new(IPAddress.Loopback, port);
}
