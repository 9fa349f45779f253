// Registers and bits of the RTL8139C+ (data sheet 1.6, section 6), in its own names.
namespace Runtime.Devices.Ethernet;

/// <summary>Offsets.</summary>
internal static class Rtl8139Register
{
    public const int Idr0 = 0x00, Mar0 = 0x08, Dtccr = 0x10, Tsd0 = 0x10, Tsad0 = 0x20, Tnpds = 0x20, Thpds = 0x28, RbStart = 0x30;
    public const int Cr = 0x37, Capr = 0x38, Cbr = 0x3A, Imr = 0x3C, Isr = 0x3E, Tcr = 0x40, Rcr = 0x44, Tctr = 0x48, Mpc = 0x4C;
    public const int Cr9346 = 0x50, Config0 = 0x51, Config1 = 0x52, TimerInt = 0x54, Msr = 0x58, Config3 = 0x59, Config4 = 0x5A;
    public const int RevisionId = 0x5E, Tsad = 0x60, Bmcr = 0x62, Bmsr = 0x64, Anar = 0x66, Anlpar = 0x68, Aner = 0x6A, Config5 = 0xD8;
    public const int TpPoll = 0xD9, Cpcr = 0xE0, IntrMitigate = 0xE2, Rdsar = 0xE4, Etthr = 0xEC, Length = 0x100;
}

/// <summary>Bits of CR.</summary>
[Flags]
internal enum Rtl8139Command : byte
{
    BufferEmpty = 1 << 0,
    TransmitterEnable = 1 << 2,
    ReceiverEnable = 1 << 3,
    Reset = 1 << 4,
}

/// <summary>Bits of IMR and ISR.</summary>
[Flags]
internal enum Rtl8139Interrupt : ushort
{
    None = 0,
    ReceiveOk = 1 << 0,
    ReceiveError = 1 << 1,
    TransmitOk = 1 << 2,
    TransmitError = 1 << 3,
    ReceiveOverflow = 1 << 4,
    PacketUnderrunOrLinkChange = 1 << 5,
    FifoOverflow = 1 << 6,
    TransmitDescriptorUnavailable = 1 << 7,
    SoftwareInterrupt = 1 << 8,
    TimeOut = 1 << 14,
    SystemError = 1 << 15,
}

/// <summary>Bits of RCR that matter here.</summary>
internal static class Rtl8139ReceiveConfig
{
    public const uint AcceptAll = 1, AcceptMatch = 2, AcceptMulticast = 4, AcceptBroadcast = 8;
    public const int BufferLengthShift = 11;
}

/// <summary>Bits of the first dword of a C+ descriptor (data sheet, sections 9.1.1 and 9.1.2).</summary>
internal static class Rtl8139Descriptor
{
    public const int Length = 16;
    public const uint Own = 1u << 31, EndOfRing = 1u << 30, FirstSegment = 1u << 29, LastSegment = 1u << 28;

    // Transmit.
    public const uint LargeSend = 1u << 27, IpChecksum = 1u << 18, UdpChecksum = 1u << 17, TcpChecksum = 1u << 16;
    public const int SegmentSizeShift = 16;
    public const uint SegmentSizeMask = 0x7FF, TransmitLengthMask = 0xFFFF;

    // Receive.
    public const uint ReceiveLengthMask = 0x1FFF, Multicast = 1u << 26, Physical = 1u << 25, Broadcast = 1u << 24, ProtocolTcp = 1u << 16, ProtocolUdp = 2u << 16;
}
