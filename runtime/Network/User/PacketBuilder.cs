using System.Buffers.Binary;

namespace Runtime.Network.User;

/// <summary>Writes the headers of frames to guests.</summary>
internal static class PacketBuilder
{
    public const int IpHeader = EthernetFrame.HeaderLength, Transport = IpHeader + 20, UdpData = Transport + 8;
    public const byte Icmp = 1, Tcp = 6, Udp = 17;
    private const byte TimeToLive = 64;

    public static void WriteEthernet(Span<byte> frame, MacAddress destination, ushort type)
    {
        destination.Write(frame);
        Subnet.Mac.Write(frame[MacAddress.Length..]);
        BinaryPrimitives.WriteUInt16BigEndian(frame[12..], type);
    }

    /// <param name="length">Of the IP packet: header and data, in this frame or, for data that lies elsewhere, behind it.</param>
    public static void WriteIp(Span<byte> frame, MacAddress guest, Ipv4 source, Ipv4 destination, byte protocol, int length)
    {
        WriteEthernet(frame, guest, 0x0800);
        Span<byte> ip = frame[IpHeader..Transport];
        ip.Clear();
        ip[0] = 0x45;
        BinaryPrimitives.WriteUInt16BigEndian(ip[2..], (ushort)length);
        ip[6] = 0x40; // don't fragment
        ip[8] = TimeToLive;
        ip[9] = protocol;
        source.Write(ip[12..]);
        destination.Write(ip[16..]);
        BinaryPrimitives.WriteUInt16BigEndian(ip[10..], InternetChecksum.Finish(InternetChecksum.Sum(ip)));
    }

    public static EthernetFrame BuildUdp(MacAddress guest, Ipv4 source, ushort sourcePort, Ipv4 destination, ushort destinationPort, ReadOnlySpan<byte> data)
    {
        byte[] frame = new byte[UdpData + data.Length];
        WriteIp(frame, guest, source, destination, Udp, frame.Length - IpHeader);
        Span<byte> udp = frame.AsSpan(Transport);
        BinaryPrimitives.WriteUInt16BigEndian(udp, sourcePort);
        BinaryPrimitives.WriteUInt16BigEndian(udp[2..], destinationPort);
        BinaryPrimitives.WriteUInt16BigEndian(udp[4..], (ushort)udp.Length);
        data.CopyTo(udp[8..]);
        InternetChecksum.CompleteTransport(frame);
        return new EthernetFrame(frame);
    }
}
