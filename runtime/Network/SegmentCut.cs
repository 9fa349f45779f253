// TCP segmentation for receivers that take frames of a wire's length only: a card that segments in hardware, here in software and only where
// it is needed.
using System.Buffers.Binary;

namespace Runtime.Network;

/// <summary>How a frame is cut: the same headers before each part of the data, with what differs between segments put right.</summary>
public readonly struct SegmentCut
{
    private const int LongestHeaders = EthernetFrame.HeaderLength + 4 + 60 + 60;
    private const byte Finish = 1, Push = 8;

    /// <summary>Bytes of data: no smaller segments come from Linux (TCP_MIN_GSO_SIZE). 64 KiB in segments of one byte would keep their receiver busy.</summary>
    private const int ShortestSegment = 8;

    private readonly EthernetFrame _frame;
    private readonly Ipv4Layout _layout;
    private readonly int _headers;
    private readonly int _segment;

    private SegmentCut(EthernetFrame frame, Ipv4Layout layout, int headers, int segment)
    {
        (_frame, _layout, _headers, _segment) = (frame, layout, headers, segment);
        int data = frame.Length - headers;
        Count = Math.Max(1, (data + segment - 1) / segment);
    }

    private SegmentCut(EthernetFrame frame, int count)
    {
        _frame = frame;
        Count = count;
    }

    /// <summary>Frames that come of it; 0 for one that is too long and is no TCP packet, or wants segments that nobody can want.</summary>
    public int Count { get; }

    public static SegmentCut Of(EthernetFrame frame)
    {
        if (frame.Length <= EthernetFrame.LongestOnWire && (frame.SegmentSize == 0 || frame.Length <= frame.SegmentSize))
        {
            return new SegmentCut(frame, 1);
        }

        Span<byte> headers = stackalloc byte[LongestHeaders];
        headers = headers[..frame.CopyTo(0, headers)];
        if (frame.SegmentSize == 0 || !Ipv4Layout.TryFind(headers, out Ipv4Layout layout) || !layout.IsTcp || headers.Length < layout.Transport + 20)
        {
            return new SegmentCut(frame, frame.Length <= EthernetFrame.LongestOnWire ? 1 : 0);
        }

        int length = layout.Transport + (headers[layout.Transport + 12] >> 4) * 4;
        int segment = Math.Min(frame.SegmentSize, EthernetFrame.LongestOnWire - length);
        return length < layout.Transport + 20 || length > headers.Length || segment < ShortestSegment
            ? new SegmentCut(frame, 0)
            : new SegmentCut(frame, layout, length, segment);
    }

    /// <summary>Writes one of the frames.</summary>
    /// <param name="destination">At least <see cref="EthernetFrame.LongestOnWire"/> bytes.</param>
    /// <returns>Its length.</returns>
    public int Write(int index, Span<byte> destination)
    {
        if (_headers == 0)
        {
            return _frame.CopyTo(0, destination[..Math.Min(destination.Length, EthernetFrame.LongestOnWire)]);
        }

        int offset = index * _segment;
        int copied = _frame.CopyTo(0, destination[.._headers]);
        int data = _frame.CopyTo(_headers + offset, destination.Slice(_headers, Math.Min(_segment, _frame.Length - _headers - offset)));
        Span<byte> ip = destination[_layout.Start..];
        Span<byte> tcp = destination[_layout.Transport..];
        BinaryPrimitives.WriteUInt16BigEndian(ip[2..], (ushort)(copied + data - _layout.Start));
        BinaryPrimitives.WriteUInt16BigEndian(ip[4..], (ushort)(BinaryPrimitives.ReadUInt16BigEndian(ip[4..]) + index));
        BinaryPrimitives.WriteUInt32BigEndian(tcp[4..], BinaryPrimitives.ReadUInt32BigEndian(tcp[4..]) + (uint)offset);
        if (index < Count - 1)
        {
            tcp[13] &= unchecked((byte)~(Finish | Push));
        }

        // The layout was read before: only what it says is used of headers that may have changed meanwhile.
        Span<byte> header = destination[_layout.Start.._layout.Transport];
        header[10] = header[11] = 0;
        BinaryPrimitives.WriteUInt16BigEndian(header[10..], InternetChecksum.Finish(InternetChecksum.Sum(header)));
        return copied + data;
    }
}
