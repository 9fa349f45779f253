// Sending: from a ring of descriptors (C+), or from one of four buffers.
using Runtime.Memory;
using Runtime.Network;

namespace Runtime.Devices.Ethernet;

public sealed partial class Rtl8139
{
    private const uint OldOwn = 1u << 13, OldTransmitOk = 1u << 15, OldSizeMask = 0x1FFF;
    private const int OldBuffers = 4;
    private const ushort TransmitRingEnable = 1;

    /// <summary>Descriptors looked at in one go: longer than any ring, so that a ring without an end ends here.</summary>
    private const int TransmitBudget = 1024;

    private readonly byte[] _gathered = new byte[EthernetFrame.Longest];
    private uint _transmitIndex;
    private int _gatheredLength;
    private uint _firstOptions;
    private bool _isGathering;

    /// <summary>CPCR bit 0 chooses between the two ways.</summary>
    private bool UsesTransmitRing => (Get16(Rtl8139Register.Cpcr) & TransmitRingEnable) != 0;

    /// <summary>TSAD: of each buffer, OWN in bits 3-0 and TOK in bits 15-12; what was sent is never aborted or late.</summary>
    private int TransmitSummary
    {
        get
        {
            int summary = 0;
            for (int i = 0; i < OldBuffers; i++)
            {
                uint status = Get32(Rtl8139Register.Tsd0 + 4 * i);
                summary |= ((status & OldOwn) != 0 ? 1 << i : 0) | ((status & OldTransmitOk) != 0 ? 0x1000 << i : 0);
            }

            return summary;
        }
    }

    private void ResetTransmitter()
    {
        (_transmitIndex, _gatheredLength, _isGathering) = (0, 0, false);
        for (int i = 0; i < OldBuffers; i++)
        {
            Set32(Rtl8139Register.Tsd0 + 4 * i, OldOwn);
        }
    }

    /// <summary>Sends what the ring holds, or goes on where the network had no room.</summary>
    private void TransmitAll()
    {
        if (!UsesTransmitRing)
        {
            for (int i = 0; i < OldBuffers; i++)
            {
                TransmitBuffer(i);
            }

            return;
        }

        if (!IsTransmitterOn)
        {
            return;
        }

        Rtl8139Interrupt events = Rtl8139Interrupt.None;
        int left = TransmitBudget;
        while (left-- > 0 && TryTransmitDescriptor(ref events))
        {
        }

        if ((events & ~Rtl8139Interrupt.TransmitDescriptorUnavailable) != Rtl8139Interrupt.None)
        {
            Raise(events);
        }
    }

    /// <summary>Takes one descriptor: part of a frame, or its end. False when the ring is empty or the network full.</summary>
    private bool TryTransmitDescriptor(ref Rtl8139Interrupt events)
    {
        ulong at = Address64(Rtl8139Register.Tnpds) + _transmitIndex * Rtl8139Descriptor.Length;
        if (!_memory.Contains(new GuestPhysicalAddress(at), Rtl8139Descriptor.Length))
        {
            events |= Rtl8139Interrupt.SystemError;
            return false;
        }

        uint options = _memory.Read32(at);
        if ((options & Rtl8139Descriptor.Own) == 0)
        {
            events |= Rtl8139Interrupt.TransmitDescriptorUnavailable;
            return false;
        }

        if ((options & Rtl8139Descriptor.FirstSegment) != 0)
        {
            (_gatheredLength, _firstOptions, _isGathering) = (0, options, true);
        }

        var part = new GuestRange(new GuestPhysicalAddress(_memory.Read64(at + 8)), (int)(options & Rtl8139Descriptor.TransmitLengthMask));
        if (_isGathering && (!_memory.Contains(part.Address, (uint)part.Length) || part.Length > _gathered.Length - _gatheredLength))
        {
            // No frame comes of this one: its descriptors are taken and forgotten.
            _isGathering = false;
            events |= Rtl8139Interrupt.TransmitError;
        }

        int gathered = _gatheredLength;
        if (_isGathering)
        {
            _memory.Slice(part.Address, part.Length).CopyTo(_gathered.AsSpan(gathered));
            gathered += part.Length;
        }

        if ((options & Rtl8139Descriptor.LastSegment) != 0)
        {
            if (_isGathering && !_port.TryTransmit(Frame(gathered)))
            {
                return false; // the descriptor stays the card's until there is room
            }

            _isGathering = false;
            events |= Rtl8139Interrupt.TransmitOk;
        }

        _gatheredLength = gathered;
        _memory.Write32(at, options & ~(Rtl8139Descriptor.Own | 0x1Fu << 20)); // no error, no collision
        _memory.Stored([new GuestRange(new GuestPhysicalAddress(at), 4)]);
        _transmitIndex = (options & Rtl8139Descriptor.EndOfRing) != 0 ? 0 : _transmitIndex + 1 & 0xFF;
        return true;
    }

    private EthernetFrame Frame(int length)
    {
        byte[] bytes = _gathered.AsSpan(0, length).ToArray();
        bool isLarge = (_firstOptions & Rtl8139Descriptor.LargeSend) != 0;
        const uint anyChecksum = Rtl8139Descriptor.TcpChecksum | Rtl8139Descriptor.UdpChecksum | Rtl8139Descriptor.IpChecksum;
        bool lacks = isLarge || (_firstOptions & anyChecksum) != 0;
        if (lacks)
        {
            InternetChecksum.CompleteHeader(bytes);
        }

        int segment = (int)(_firstOptions >> Rtl8139Descriptor.SegmentSizeShift & Rtl8139Descriptor.SegmentSizeMask);
        return new EthernetFrame(bytes) { SegmentSize = isLarge ? Math.Max(1, segment) : 0, LacksChecksum = lacks };
    }

    /// <summary>One of the four buffers of the old chip, if it is the card's.</summary>
    private void TransmitBuffer(int index)
    {
        int register = Rtl8139Register.Tsd0 + 4 * index;
        uint status = Get32(register);
        if ((status & OldOwn) != 0 || !IsTransmitterOn || UsesTransmitRing)
        {
            return;
        }

        var range = new GuestRange(new GuestPhysicalAddress(Get32(Rtl8139Register.Tsad0 + 4 * index)), (int)(status & OldSizeMask));
        bool isFrame = range.Length is >= EthernetFrame.HeaderLength and <= EthernetFrame.LongestOnWire && _memory.Contains(range.Address, (uint)range.Length);
        if (isFrame && !_port.TryTransmit(new EthernetFrame(_memory.Slice(range.Address, range.Length).ToArray())))
        {
            return;
        }

        Set32(register, status & ~OldTransmitOk | OldOwn | (isFrame ? OldTransmitOk : 1u << 30)); // TABT
        Raise(isFrame ? Rtl8139Interrupt.TransmitOk : Rtl8139Interrupt.TransmitError);
    }

    private ulong Address64(int register) => Get32(register) & ~0xFFu | (ulong)Get32(register + 4) << 32;
}
