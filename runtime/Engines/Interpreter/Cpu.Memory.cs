// Loads and stores through segmentation and paging. A false result means that a fault is recorded and nothing was changed.
using System.Runtime.CompilerServices;

namespace Runtime.Engines.Interpreter;

public sealed partial class Cpu
{
    private const ulong NoPhysical = ulong.MaxValue;

    /// <summary>Segments that need no check to read or write: base 0, limit 4 GiB, right type, no alignment or breakpoint checks.</summary>
    private uint _flatRead;
    private uint _flatWrite;
    private bool _alignmentCheck;

    private ulong _modifyPhysical;
    private uint _modifyLinear;

    /// <summary>Derives everything cached from segments, CPL, EFLAGS, CR0 and DR7. Called at every entry and after every change.</summary>
    private void Refresh()
    {
        _user = _state.Cpl == 3;
        _tlb = _user ? _userTlb : _supervisorTlb;
        _protected = _state.ProtectedMode && !_state.Virtual8086;
        ref SegmentRegister code = ref Segment(SegmentIndex.Cs);
        _codeBase = code.Base;
        _codeLimit = code.Limit;
        _codeFastLimit = _codeLimit >= MaxLength ? _codeLimit - MaxLength : 0;
        _code32 = code.Is32Bit && !_state.Virtual8086;
        _codeKey = _code32 ? 0 : Code16Key;
        _stackMask = Segment(SegmentIndex.Ss).Is32Bit ? uint.MaxValue : 0xFFFF;
        _alignmentCheck = _user && (_state.Eflags & FlagBits.Ac) != 0 && (_state.Cr0 & ControlRegisters.Cr0Am) != 0;
        _dataBreakpoints = HasDataBreakpoints();
        _flatRead = _flatWrite = 0;
        if (_alignmentCheck || _dataBreakpoints)
        {
            return;
        }

        for (int i = 0; i < 6; i++)
        {
            ref SegmentRegister s = ref _state.Segments[i];
            if (s.Base != 0 || s.Limit != uint.MaxValue || (_protected && (!s.IsUsable || IsExpandDown(s))))
            {
                continue;
            }

            _flatRead |= !_protected || (s.Type & 0xA) != 8 ? 1u << i : 0;
            _flatWrite |= !_protected || (s.Type & 0xA) == 2 ? 1u << i : 0;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryRead(SegmentIndex segment, uint offset, int size, out uint value)
    {
        if ((_flatRead >> (int)segment & 1) != 0)
        {
            ref TlbEntry entry = ref _tlb[offset >> 12 & TlbMask];
            if (entry.Read == (_tlbGeneration | offset >> 12) && (offset & 0xFFF) <= (uint)(0x1000 - size))
            {
                ulong physical = entry.Physical + (offset & 0xFFF);
                value = size == 4 ? _memory.Read32(physical) : size == 2 ? _memory.Read16(physical) : _memory.Read8(physical);
                return true;
            }
        }

        return TryReadChecked(segment, offset, size, out value);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool TryReadChecked(SegmentIndex segment, uint offset, int size, out uint value)
    {
        value = 0;
        return TryLinear(segment, offset, size, false, out uint linear) && TryReadLinear(linear, size, _user, out value);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryWrite(SegmentIndex segment, uint offset, int size, uint value)
    {
        if ((_flatWrite >> (int)segment & 1) != 0)
        {
            ref TlbEntry entry = ref _tlb[offset >> 12 & TlbMask];
            if (entry.Write == (_tlbGeneration | offset >> 12) && (offset & 0xFFF) <= (uint)(0x1000 - size))
            {
                WritePhysical(entry.Physical + (offset & 0xFFF), size, value);
                return true;
            }
        }

        return TryWriteChecked(segment, offset, size, value);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool TryWriteChecked(SegmentIndex segment, uint offset, int size, uint value)
        => TryLinear(segment, offset, size, true, out uint linear) && TryWriteLinear(linear, size, value, _user);

    /// <summary>Reads what <see cref="CompleteModify"/> will overwrite; faults as the write would, so that the completion cannot.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryModify(SegmentIndex segment, uint offset, int size, out uint value)
    {
        if ((_flatWrite >> (int)segment & 1) != 0)
        {
            ref TlbEntry entry = ref _tlb[offset >> 12 & TlbMask];
            if (entry.Write == (_tlbGeneration | offset >> 12) && (offset & 0xFFF) <= (uint)(0x1000 - size))
            {
                ulong physical = _modifyPhysical = entry.Physical + (offset & 0xFFF);
                value = size == 4 ? _memory.Read32(physical) : size == 2 ? _memory.Read16(physical) : _memory.Read8(physical);
                return true;
            }
        }

        return TryModifyChecked(segment, offset, size, out value);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool TryModifyChecked(SegmentIndex segment, uint offset, int size, out uint value)
    {
        value = 0;
        _modifyPhysical = NoPhysical;
        return TryLinear(segment, offset, size, true, out _modifyLinear) && TryProbeWrite(_modifyLinear, size, _user)
            && TryReadLinear(_modifyLinear, size, _user, out value);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void CompleteModify(int size, uint value)
    {
        if (_modifyPhysical != NoPhysical)
        {
            WritePhysical(_modifyPhysical, size, value);
        }
        else
        {
            TryWriteLinear(_modifyLinear, size, value, _user);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
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
