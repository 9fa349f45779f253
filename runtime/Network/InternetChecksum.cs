using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Runtime.Network;

/// <summary>The checksum of IP, TCP, UDP and ICMP (RFC 1071). Frames that are too short for what they say are left alone.</summary>
public static class InternetChecksum
{
    /// <summary>The ones' complement sum of 16-bit words, in the byte order of the wire, folded to 16 bits.</summary>
    /// <param name="initial">What was summed before; an even number of bytes.</param>
    public static uint Sum(ReadOnlySpan<byte> bytes, uint initial = 0)
    {
        // Summed in the host's order, which only swaps the result (RFC 1071, 2.B).
        ulong sum = 0;
        ReadOnlySpan<uint> words = MemoryMarshal.Cast<byte, uint>(bytes);
        foreach (uint word in words)
        {
            sum += word;
        }

        for (int i = 4 * words.Length; i < bytes.Length; i++)
        {
            sum += (uint)bytes[i] << 8 * (i & 1);
        }

        sum = (sum & uint.MaxValue) + (sum >> 32);
        sum = (sum & uint.MaxValue) + (sum >> 32);
        uint folded = Fold((uint)(sum & 0xFFFF) + (uint)(sum >> 16));
        return Fold(initial + (BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness((ushort)folded) : folded));
    }

    /// <summary>The value for the checksum field.</summary>
    public static ushort Finish(uint sum) => (ushort)~Fold(sum);

    /// <summary>The part that TCP and UDP add from the IP header.</summary>
    public static uint PseudoHeader(ReadOnlySpan<byte> ip, int transportLength)
        => Sum(ip.Slice(12, 8), (uint)(ip[9] + (transportLength & 0xFFFF) + (transportLength >> 16)));

    /// <summary>Sets the checksum of the IPv4 header in a frame.</summary>
    public static void CompleteHeader(Span<byte> frame)
    {
        if (Ipv4Layout.TryFind(frame, out Ipv4Layout layout))
        {
            Span<byte> header = frame[layout.Start..layout.Transport];
            header[10] = header[11] = 0;
            BinaryPrimitives.WriteUInt16BigEndian(header[10..], Finish(Sum(header)));
        }
    }

    /// <summary>Sets the field of a TCP or UDP header to the sum of the pseudo-header, for who computes the rest.</summary>
    /// <param name="ip">From the IPv4 header on, which has no options.</param>
    /// <param name="field">Offset of the checksum from there.</param>
    public static void BeginTransport(Span<byte> ip, int field)
        => BinaryPrimitives.WriteUInt16BigEndian(ip[field..], (ushort)PseudoHeader(ip, BinaryPrimitives.ReadUInt16BigEndian(ip[2..]) - 20));

    /// <summary>Sets the TCP or UDP checksum in a frame that holds the whole packet.</summary>
    public static void CompleteTransport(Span<byte> frame)
    {
        if (!Ipv4Layout.TryFind(frame, out Ipv4Layout layout) || layout.ChecksumField is not int field || Math.Min(frame.Length, layout.End) < field + 2)
        {
            return;
        }

        Span<byte> transport = frame[layout.Transport..Math.Min(frame.Length, layout.End)];
        field -= layout.Transport;
        transport[field] = transport[field + 1] = 0;
        ushort checksum = Finish(Sum(transport, PseudoHeader(frame[layout.Start..], transport.Length)));
        BinaryPrimitives.WriteUInt16BigEndian(transport[field..], checksum == 0 && layout.IsUdp ? (ushort)0xFFFF : checksum);
    }

    private static uint Fold(uint sum)
    {
        sum = (sum & 0xFFFF) + (sum >> 16);
        return (sum & 0xFFFF) + (sum >> 16);
    }
}

/// <summary>Where the parts of an IPv4 packet are in a frame.</summary>
/// <param name="Start">Of the IP header.</param>
/// <param name="Transport">Of what comes behind it.</param>
/// <param name="End">As the header says; may lie behind the bytes at hand.</param>
public readonly record struct Ipv4Layout(int Start, int Transport, int End, byte Protocol)
{
    private const byte Tcp = 6, Udp = 17;

    public bool IsTcp => Protocol == Tcp;

    public bool IsUdp => Protocol == Udp;

    /// <summary>Offset of the checksum of TCP or UDP; null for others.</summary>
    public int? ChecksumField => IsTcp ? Transport + 16 : IsUdp ? Transport + 6 : null;

    /// <summary>False unless the frame holds an IPv4 header, behind one VLAN tag at most, of a packet that is no fragment.</summary>
    public static bool TryFind(ReadOnlySpan<byte> frame, out Ipv4Layout layout)
    {
        layout = default;
        int start = EthernetFrame.HeaderLength;
        if (frame.Length >= start + 4 && BinaryPrimitives.ReadUInt16BigEndian(frame[12..]) == 0x8100)
        {
            start += 4;
        }

        if (frame.Length < start + 20 || BinaryPrimitives.ReadUInt16BigEndian(frame[(start - 2)..]) != 0x0800)
        {
            return false;
        }

        ReadOnlySpan<byte> ip = frame[start..];
        int headerLength = (ip[0] & 0xF) * 4;
        int total = BinaryPrimitives.ReadUInt16BigEndian(ip[2..]);
        bool isFragment = (BinaryPrimitives.ReadUInt16BigEndian(ip[6..]) & 0x3FFF) != 0;
        if (ip[0] >> 4 != 4 || headerLength < 20 || headerLength > ip.Length || total < headerLength || isFragment)
        {
            return false;
        }

        layout = new Ipv4Layout(start, start + headerLength, start + total, ip[9]);
        return true;
    }
}
