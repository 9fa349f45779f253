using System.Buffers.Binary;
using System.Net.Sockets;

namespace Runtime.Network.User;

/// <summary>ICMP's destination unreachable (RFC 792): the gateway tells a guest that a packet leads nowhere, so that it need not wait.</summary>
internal static class Unreachable
{
    private const byte Type = 3, Network = 0, Host = 1, Prohibited = 13; // the last: RFC 1812, 5.2.7.1
    private const int Header = 8, ShortestIp = 20, Quoted = 8;

    /// <summary>The code for an error of the host's; null for one that does not say that the destination cannot be reached.</summary>
    public static byte? CodeOf(SocketError error) => error switch
    {
        SocketError.NetworkUnreachable => Network,
        SocketError.HostUnreachable or SocketError.HostDown => Host,
        SocketError.AccessDenied => Prohibited,
        _ => null,
    };

    /// <param name="packet">The guest's packet from its IP header on; that, and eight bytes behind it, are sent back.</param>
    public static EthernetFrame Build(MacAddress mac, Ipv4 guest, byte code, ReadOnlySpan<byte> packet)
    {
        int quoted = Math.Min(packet.Length, Math.Max(ShortestIp, (packet[0] & 15) * 4) + Quoted);
        byte[] frame = new byte[PacketBuilder.Transport + Header + quoted];
        PacketBuilder.WriteIp(frame, mac, Subnet.Gateway, guest, PacketBuilder.Icmp, frame.Length - PacketBuilder.IpHeader);
        Span<byte> icmp = frame.AsSpan(PacketBuilder.Transport);
        (icmp[0], icmp[1]) = (Type, code);
        packet[..quoted].CopyTo(icmp[Header..]);
        BinaryPrimitives.WriteUInt16BigEndian(icmp[2..], InternetChecksum.Finish(InternetChecksum.Sum(icmp)));
        return new EthernetFrame(frame);
    }
}
