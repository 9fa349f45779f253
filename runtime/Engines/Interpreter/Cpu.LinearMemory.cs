// Loads and stores by linear address: pages, page crossings, the overlay. What segmentation has passed, or what ignores it.
namespace Runtime.Engines.Interpreter;

public sealed partial class Cpu
{
    private void WritePhysical(ulong physical, int size, uint value)
    {
        if (size == 4)
        {
            _memory.Write32(physical, value);
        }
        else if (size == 2)
        {
            _memory.Write16(physical, (ushort)value);
        }
        else
        {
            _memory.Write8(physical, (byte)value);
        }

        if (FrameFlags is { } flags)
        {
            ReportWrite(flags, physical, size);
        }
    }

    private void ReportWrite(byte[] flags, ulong physical, int size)
    {
        ulong frame = physical >> 12;
        if (frame < (ulong)flags.Length && flags[frame] != 0)
        {
            Observer?.PhysicalWrite((uint)frame, (int)(physical & 0xFFF), size);
        }
    }

    /// <summary>A device has stored in RAM by itself.</summary>
    private void ReportDeviceStore(Runtime.Memory.GuestPhysicalAddress address, int length)
    {
        if (FrameFlags is not { } flags)
        {
            return;
        }

        for (int done = 0, part; done < length; done += part)
        {
            ulong at = address.Value + (uint)done;
            part = Math.Min(length - done, 0x1000 - (int)(at & 0xFFF));
            ReportWrite(flags, at, part);
        }
    }

    private bool TryReadLinear(uint linear, int size, bool user, out uint value)
    {
        value = 0;
        if ((linear & 0xFFF) + (uint)size <= 0x1000 && !IsInOverlay(linear))
        {
            if (!TryFillTlb(linear, AccessKind.Read, user, out ulong physical))
            {
                return false;
            }

            value = size == 4 ? _memory.Read32(physical) : size == 2 ? _memory.Read16(physical) : _memory.Read8(physical);
            return true;
        }

        for (int i = 0; i < size; i++)
        {
            if (!TryReadByte(linear + (uint)i, user, out byte b))
            {
                return false;
            }

            value |= (uint)b << 8 * i;
        }

        return true;
    }

    private bool TryReadByte(uint linear, bool user, out byte value)
    {
        value = 0;
        if (IsInOverlay(linear))
        {
            if (!Overlay!.Permits(linear, AccessKind.Read, user))
            {
                return RecordPageFault(linear, OverlayFault(AccessKind.Read));
            }

            value = Overlay.Bytes(linear, 1)[0];
            return true;
        }

        if (!TryFillTlb(linear, AccessKind.Read, user, out ulong physical))
        {
            return false;
        }

        value = _memory.Read8(physical);
        return true;
    }

    private bool TryWriteLinear(uint linear, int size, uint value, bool user)
    {
        if ((linear & 0xFFF) + (uint)size <= 0x1000 && !IsInOverlay(linear))
        {
            if (!TryFillTlb(linear, AccessKind.Write, user, out ulong physical))
            {
                return false;
            }

            WritePhysical(physical, size, value);
            return true;
        }

        if (!TryProbeWrite(linear, size, user))
        {
            return false;
        }

        for (int i = 0; i < size; i++, value >>= 8)
        {
            uint at = linear + (uint)i;
            if (IsInOverlay(at))
            {
                Overlay!.Bytes(at, 1)[0] = (byte)value;
            }
            else if (TryFillTlb(at, AccessKind.Write, user, out ulong physical))
            {
                WritePhysical(physical, 1, value & 0xFF);
            }
        }

        return true;
    }

    /// <summary>Whether a store there would succeed; records the fault if not.</summary>
    private bool TryProbeWrite(uint linear, int size, bool user)
    {
        uint last = linear + (uint)size - 1;
        return TryProbeWritePage(linear, user) && ((linear ^ last) < 0x1000 || TryProbeWritePage(last & ~0xFFFu, user));
    }

    private bool TryProbeWritePage(uint linear, bool user)
    {
        if (!IsInOverlay(linear))
        {
            return TryFillTlb(linear, AccessKind.Write, user, out _);
        }

        return Overlay!.Permits(linear, AccessKind.Write, user) || RecordPageFault(linear, OverlayFault(AccessKind.Write));
    }

    /// <summary>Wide operands (FPU, SSE, CMPXCHG8B, descriptors of memory operands): all of it or nothing.</summary>
    private bool TryReadBytes(SegmentIndex segment, uint offset, Span<byte> into)
    {
        if (!TryLinear(segment, offset, into.Length, false, out uint linear))
        {
            return false;
        }

        uint last = linear + (uint)into.Length - 1;
        if ((linear ^ last) < 0x1000 && !IsInOverlay(linear))
        {
            if (!TryFillTlb(linear, AccessKind.Read, _user, out ulong physical))
            {
                return false;
            }

            if (physical + (uint)into.Length <= _memory.Length)
            {
                _memory.Slice(new Runtime.Memory.GuestPhysicalAddress(physical), into.Length).CopyTo(into);
                return true;
            }
        }

        for (int i = 0; i < into.Length; i++)
        {
            if (!TryReadByte(linear + (uint)i, _user, out into[i]))
            {
                return false;
            }
        }

        return true;
    }

    private bool TryWriteBytes(SegmentIndex segment, uint offset, ReadOnlySpan<byte> from)
    {
        if (!TryLinear(segment, offset, from.Length, true, out uint linear) || !TryProbeWrite(linear, from.Length, _user))
        {
            return false;
        }

        int i = 0;
        for (; i + 4 <= from.Length; i += 4)
        {
            TryWriteLinear(linear + (uint)i, 4, BitConverter.ToUInt32(from[i..]), _user);
        }

        for (; i < from.Length; i++)
        {
            TryWriteLinear(linear + (uint)i, 1, from[i], _user);
        }

        return true;
    }

    private bool TryRead64(SegmentIndex segment, uint offset, out ulong value)
    {
        Span<byte> bytes = stackalloc byte[8];
        bool ok = TryReadBytes(segment, offset, bytes);
        value = BitConverter.ToUInt64(bytes);
        return ok;
    }

    private bool TryWrite64(SegmentIndex segment, uint offset, ulong value)
    {
        Span<byte> bytes = stackalloc byte[8];
        BitConverter.TryWriteBytes(bytes, value);
        return TryWriteBytes(segment, offset, bytes);
    }
}
