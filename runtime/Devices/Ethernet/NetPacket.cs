using Runtime.Abi.Xen;
using Runtime.Memory;
using Runtime.Network;

namespace Runtime.Devices.Ethernet;

/// <summary>A packet of a transmit ring: its requests, and its bytes where the guest has them.</summary>
internal sealed class NetPacket
{
    /// <summary>Requests of which a packet may consist (XEN_NETIF_NR_SLOTS_MIN).</summary>
    public const int MaximumParts = 18;

    /// <summary>The requests, in their order.</summary>
    public List<NetTransmitRequest> Parts { get; } = [];

    /// <summary>Places of the ring that held extra information: answered, with nothing.</summary>
    public int Extras { get; set; }

    public int SegmentSize { get; set; }

    /// <summary>References that are pinned for it.</summary>
    public List<uint> Pinned { get; } = [];

    /// <summary>The frame, once its pages are pinned.</summary>
    public EthernetFrame? Frame { get; set; }

    /// <summary>The pieces of the frame: what the first request says of the whole, less the others, is its own part. False when the parts do not
    /// add up or leave their page.</summary>
    public bool TryLayOut(Span<GuestRange> ranges, ReadOnlySpan<uint> frames)
    {
        int rest = Parts[0].Size - Parts.Skip(1).Sum(part => part.Size);
        for (int i = 0; i < Parts.Count; i++)
        {
            NetTransmitRequest part = Parts[i];
            int length = i == 0 ? rest : part.Size;
            if (length <= 0 || part.Offset + length > GuestMemory.FrameSize)
            {
                return false;
            }

            ranges[i] = new GuestRange(new GuestPhysicalAddress(((ulong)frames[i] << 12) + part.Offset), length);
        }

        return true;
    }
}
