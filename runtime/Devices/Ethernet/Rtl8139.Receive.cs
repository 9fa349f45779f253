// Receiving: into the buffers of a ring of descriptors (C+), or one after the other into one large ring buffer.
using Runtime.Memory;
using Runtime.Network;

namespace Runtime.Devices.Ethernet;

public sealed partial class Rtl8139
{
    private const ushort ReceiveRingEnable = 2, ReceiveChecksumEnable = 0x20;
    private const int CheckSequence = 4, ShortestFrame = 60, CounterBlock = 64;
    private const ushort OldReceiveOk = 1, OldBroadcast = 1 << 13, OldPhysical = 1 << 14, OldMulticast = 1 << 15;

    private readonly byte[] _arriving = new byte[EthernetFrame.LongestOnWire + CheckSequence];
    private uint _receiveIndex;
    private int _segmentsDone;

    private bool UsesReceiveRing => (Get16(Rtl8139Register.Cpcr) & ReceiveRingEnable) != 0;

    private bool IsReceiveBufferEmpty => ReadPointer == Get16(Rtl8139Register.Cbr);

    private int BufferLength => 8192 << (int)(Get32(Rtl8139Register.Rcr) >> Rtl8139ReceiveConfig.BufferLengthShift & 3);

    /// <summary>CAPR runs sixteen bytes behind what the driver has read.</summary>
    private int ReadPointer => (Get16(Rtl8139Register.Capr) + 16 & 0xFFFF) % BufferLength;

    private void ResetReceiver() => (_receiveIndex, _segmentsDone) = (0, 0);

    /// <summary>Takes what has arrived, as far as the driver has room for it; the rest waits until it looks at its interrupts again.</summary>
    private void ReceiveAll()
    {
        Rtl8139Interrupt events = Rtl8139Interrupt.None;
        bool hasRoom = true;
        while (hasRoom && _port.TryPeek(out EthernetFrame frame))
        {
            var cut = SegmentCut.Of(frame);
            for (; hasRoom && IsReceiverOn && _segmentsDone < cut.Count; _segmentsDone += hasRoom ? 1 : 0)
            {
                hasRoom = TryReceive(cut.Write(_segmentsDone, _arriving), frame.LacksChecksum, ref events);
            }

            if (hasRoom)
            {
                _segmentsDone = 0;
                _port.Take();
                frame.Release();
            }
        }

        if (events != Rtl8139Interrupt.None)
        {
            Raise(events);
        }
    }

    /// <summary>One frame of <see cref="_arriving"/>. False when there is no room for it.</summary>
    private bool TryReceive(int length, bool lacksChecksum, ref Rtl8139Interrupt events)
    {
        if (length < EthernetFrame.HeaderLength || !Accepts(MacAddress.Read(_arriving), out uint kind))
        {
            return true;
        }

        // What comes off a wire has its checksum, and guests rely on it: packet sockets look themselves, routers send it on.
        bool vouches = lacksChecksum && UsesReceiveRing && (Get16(Rtl8139Register.Cpcr) & ReceiveChecksumEnable) != 0;
        if (lacksChecksum)
        {
            InternetChecksum.CompleteTransport(_arriving.AsSpan(0, length));
        }

        if (length < ShortestFrame)
        {
            Array.Clear(_arriving, length, ShortestFrame - length);
            length = ShortestFrame;
        }

        Array.Clear(_arriving, length, CheckSequence); // nobody looks at the check sequence of a frame that was accepted
        ReadOnlySpan<byte> bytes = _arriving.AsSpan(0, length + CheckSequence);
        return UsesReceiveRing ? TryReceiveIntoRing(bytes, kind, vouches, ref events) : TryReceiveIntoBuffer(bytes, kind, ref events);
    }

    private bool Accepts(MacAddress destination, out uint kind)
    {
        uint accepted = Get32(Rtl8139Register.Rcr);
        if (destination == MacAddress.Broadcast)
        {
            kind = Rtl8139Descriptor.Broadcast;
            return (accepted & (Rtl8139ReceiveConfig.AcceptBroadcast | Rtl8139ReceiveConfig.AcceptAll)) != 0;
        }

        if (destination.IsGroup)
        {
            kind = Rtl8139Descriptor.Multicast;
            int bit = MulticastHash.Of(destination);
            bool isWanted = (_registers[Rtl8139Register.Mar0 + bit / 8] >> bit % 8 & 1) != 0;
            return (accepted & Rtl8139ReceiveConfig.AcceptAll) != 0 || ((accepted & Rtl8139ReceiveConfig.AcceptMulticast) != 0 && isWanted);
        }

        kind = Rtl8139Descriptor.Physical;
        bool isOwn = destination == MacAddress.Read(_registers);
        return (accepted & Rtl8139ReceiveConfig.AcceptAll) != 0 || ((accepted & Rtl8139ReceiveConfig.AcceptMatch) != 0 && isOwn);
    }

    private bool TryReceiveIntoRing(ReadOnlySpan<byte> bytes, uint kind, bool vouches, ref Rtl8139Interrupt events)
    {
        ulong at = Address64(Rtl8139Register.Rdsar) + _receiveIndex * Rtl8139Descriptor.Length;
        if (!_memory.Contains(new GuestPhysicalAddress(at), Rtl8139Descriptor.Length))
        {
            events |= Rtl8139Interrupt.SystemError;
            return true; // lost: there is no ring
        }

        uint options = _memory.Read32(at);
        if ((options & Rtl8139Descriptor.Own) == 0)
        {
            return false;
        }

        var buffer = new GuestRange(new GuestPhysicalAddress(_memory.Read64(at + 8)), bytes.Length);
        bool fits = bytes.Length <= (options & Rtl8139Descriptor.ReceiveLengthMask) && _memory.Contains(buffer.Address, (uint)buffer.Length);
        if (fits)
        {
            bytes.CopyTo(_memory.Slice(buffer.Address, buffer.Length));
            uint protocol = vouches && Ipv4Layout.TryFind(bytes, out Ipv4Layout layout)
                ? layout.IsTcp ? Rtl8139Descriptor.ProtocolTcp : layout.IsUdp ? Rtl8139Descriptor.ProtocolUdp : 0
                : 0;
            _memory.Write32(at + 4, 0);
            _memory.Write32(at, options & Rtl8139Descriptor.EndOfRing | Rtl8139Descriptor.FirstSegment | Rtl8139Descriptor.LastSegment | kind | protocol | (uint)bytes.Length);
            _memory.Stored([buffer, new GuestRange(new GuestPhysicalAddress(at), 8)]);
        }

        // A buffer that is too small, or none, is passed over with the frame: drivers offer no such buffers.
        events |= fits ? Rtl8139Interrupt.ReceiveOk : Rtl8139Interrupt.ReceiveError;
        _receiveIndex = (options & Rtl8139Descriptor.EndOfRing) != 0 ? 0 : _receiveIndex + 1 & 0xFF;
        return true;
    }

    /// <summary>A header of status and length, the frame, up to a multiple of four; frames go on at the buffer's start.</summary>
    private bool TryReceiveIntoBuffer(ReadOnlySpan<byte> bytes, uint kind, ref Rtl8139Interrupt events)
    {
        int size = BufferLength;
        int write = Get16(Rtl8139Register.Cbr) % size;
        int needed = 4 + bytes.Length + 3 & ~3;
        int used = (write - ReadPointer + size) % size;
        if (needed >= size - used)
        {
            return false;
        }

        uint start = Get32(Rtl8139Register.RbStart);
        if (!_memory.Contains(new GuestPhysicalAddress(start), (uint)size))
        {
            events |= Rtl8139Interrupt.SystemError;
            return true;
        }

        int status = OldReceiveOk | (kind == Rtl8139Descriptor.Broadcast ? OldBroadcast : kind == Rtl8139Descriptor.Multicast ? OldMulticast : OldPhysical);
        Span<byte> buffer = _memory.Slice(new GuestPhysicalAddress(start), size);
        Span<byte> header = stackalloc byte[4];
        BitConverter.TryWriteBytes(header, (uint)status | (uint)bytes.Length << 16);
        header.CopyTo(buffer[write..]); // the write pointer is a multiple of four
        int at = (write + 4) % size;
        int first = Math.Min(bytes.Length, size - at);
        bytes[..first].CopyTo(buffer[at..]);
        bytes[first..].CopyTo(buffer);
        _memory.Stored([new GuestRange(new GuestPhysicalAddress(start), size)]);
        Set16(Rtl8139Register.Cbr, (ushort)((write + needed) % size));
        events |= Rtl8139Interrupt.ReceiveOk;
        return true;
    }

    /// <summary>DTCCR: writes the statistics where the driver wants them. None are kept; a real card's may be zero too.</summary>
    private void DumpCounters()
    {
        const uint dump = 8;
        uint command = Get32(Rtl8139Register.Dtccr);
        if ((command & dump) == 0)
        {
            return;
        }

        var block = new GuestRange(new GuestPhysicalAddress(command & ~63u | (ulong)Get32(Rtl8139Register.Dtccr + 4) << 32), CounterBlock);
        if (_memory.Contains(block.Address, CounterBlock))
        {
            _memory.Slice(block.Address, block.Length).Clear();
            _memory.Stored([block]);
        }

        Set32(Rtl8139Register.Dtccr, command & ~dump);
    }
}
