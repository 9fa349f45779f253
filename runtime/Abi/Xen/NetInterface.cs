using System.Runtime.InteropServices;

namespace Runtime.Abi.Xen;

/// <summary>XEN_NETTXF_* and XEN_NETRXF_* (public/io/netif.h): bits 0 and 1 are crosswise in the two.</summary>
[Flags]
public enum NetFlags : ushort
{
    None = 0,
    TransmitChecksumBlank = 1 << 0,
    TransmitDataValidated = 1 << 1,
    TransmitMoreData = 1 << 2,
    TransmitExtraInfo = 1 << 3,
    ReceiveDataValidated = 1 << 0,
    ReceiveChecksumBlank = 1 << 1,
    ReceiveMoreData = 1 << 2,
    ReceiveExtraInfo = 1 << 3,
}

/// <summary>XEN_NETIF_RSP_*; a received frame's status is its length in the page.</summary>
public static class NetStatus
{
    public const short Okay = 0, Error = -1, Dropped = -2, Null = 1;
}

/// <summary>struct xen_netif_tx_request.</summary>
/// <param name="Size">Of the first request of a packet: all of the packet; of the others: their own part.</param>
[StructLayout(LayoutKind.Sequential)]
public readonly record struct NetTransmitRequest(uint Reference, ushort Offset, NetFlags Flags, ushort Id, ushort Size)
{
    public const int Length = 12;
}

/// <summary>struct xen_netif_tx_response.</summary>
[StructLayout(LayoutKind.Sequential)]
public readonly record struct NetTransmitResponse(ushort Id, short Status);

/// <summary>struct xen_netif_rx_request.</summary>
[StructLayout(LayoutKind.Sequential)]
public readonly record struct NetReceiveRequest(ushort Id, ushort Padding, uint Reference)
{
    public const int Length = 8;
}

/// <summary>struct xen_netif_rx_response.</summary>
[StructLayout(LayoutKind.Sequential)]
public readonly record struct NetReceiveResponse(ushort Id, ushort Offset, NetFlags Flags, short Status);

/// <summary>struct xen_netif_extra_info of type GSO: in the place of a request or a response.</summary>
[StructLayout(LayoutKind.Sequential)]
public readonly record struct NetExtraInfo(byte Type, byte Flags, ushort SegmentSize, byte SegmentType, byte Padding, ushort Features)
{
    public const byte TypeSegmentation = 1, FlagMore = 1, SegmentTcp4 = 1;
}
