using System.Buffers.Binary;

namespace Runtime.Network.User;

/// <summary>Bits of a TCP header (RFC 9293, 3.1).</summary>
[Flags]
internal enum TcpFlags : byte
{
    None = 0,
    Finish = 1,
    Synchronize = 2,
    Reset = 4,
    Push = 8,
    Acknowledge = 16,
}

/// <summary>What a segment says, read once.</summary>
/// <param name="Window">As it stands there, not scaled.</param>
/// <param name="SegmentSize">The MSS option, or 536 without one.</param>
/// <param name="Scale">The window scale option (RFC 7323), or -1.</param>
internal readonly record struct TcpHeader(
    ushort SourcePort, ushort DestinationPort, uint Sequence, uint Acknowledged, TcpFlags Flags, ushort Window, int Length, int SegmentSize, int Scale)
{
    public const int Minimum = 20;
    private const int DefaultSegmentSize = 536, LargestScale = 14;

    public bool Has(TcpFlags flag) => (Flags & flag) != 0;

    /// <param name="bytes">From the header on; at least <see cref="Minimum"/>. A header that is not all there is read without options.</param>
    public static TcpHeader Read(ReadOnlySpan<byte> bytes)
    {
        int length = Math.Max(Minimum, (bytes[12] >> 4) * 4);
        int segmentSize = DefaultSegmentSize, scale = -1;
        ReadOnlySpan<byte> options = bytes[Minimum..Math.Clamp(length, Minimum, bytes.Length)];
        while (options.Length > 0 && options[0] != 0)
        {
            int step = options[0] == 1 ? 1 : options.Length > 1 ? options[1] : 0;
            if (step == 0 || step > options.Length || (step == 1 && options[0] != 1))
            {
                break;
            }

            if (options[0] == 2 && step == 4)
            {
                segmentSize = BinaryPrimitives.ReadUInt16BigEndian(options[2..]);
            }
            else if (options[0] == 3 && step == 3)
            {
                scale = Math.Min((int)options[2], LargestScale);
            }

            options = options[step..];
        }

        return new TcpHeader(
            BinaryPrimitives.ReadUInt16BigEndian(bytes), BinaryPrimitives.ReadUInt16BigEndian(bytes[2..]),
            BinaryPrimitives.ReadUInt32BigEndian(bytes[4..]), BinaryPrimitives.ReadUInt32BigEndian(bytes[8..]),
            (TcpFlags)bytes[13], BinaryPrimitives.ReadUInt16BigEndian(bytes[14..]), length, segmentSize, scale);
    }

    /// <summary>Writes a header; with <see cref="TcpFlags.Synchronize"/> there are eight bytes of options.</summary>
    /// <returns>Its length.</returns>
    public int Write(Span<byte> bytes)
    {
        int length = LengthFor(Flags);
        bytes[..length].Clear();
        BinaryPrimitives.WriteUInt16BigEndian(bytes, SourcePort);
        BinaryPrimitives.WriteUInt16BigEndian(bytes[2..], DestinationPort);
        BinaryPrimitives.WriteUInt32BigEndian(bytes[4..], Sequence);
        BinaryPrimitives.WriteUInt32BigEndian(bytes[8..], Acknowledged);
        bytes[12] = (byte)(length / 4 << 4);
        bytes[13] = (byte)Flags;
        BinaryPrimitives.WriteUInt16BigEndian(bytes[14..], Window);
        if (length > Minimum)
        {
            bytes[20] = 2;
            bytes[21] = 4;
            BinaryPrimitives.WriteUInt16BigEndian(bytes[22..], (ushort)SegmentSize);
            if (Scale >= 0)
            {
                bytes[24] = 1; // padding
                bytes[25] = 3;
                bytes[26] = 3;
                bytes[27] = (byte)Scale;
            }
        }

        return length;
    }

    public static int LengthFor(TcpFlags flags) => (flags & TcpFlags.Synchronize) != 0 ? Minimum + 8 : Minimum;
}
