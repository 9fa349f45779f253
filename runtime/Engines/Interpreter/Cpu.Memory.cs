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

    /// <summary>What the rest was derived from; at first nothing that a processor can hold.</summary>
    private SystemRegisters _derivedFrom;
    private uint _derivedFlags = uint.MaxValue;
    private uint _derivedDr7;

    private ulong _modifyPhysical;
    private uint _modifyLinear;

    /// <summary>Derives everything cached from segments, CPL, EFLAGS, CR0 and DR7. Called at every entry and after every change.</summary>
    private void Refresh()
    {
        uint flags = _state.Eflags & (FlagBits.Vm | FlagBits.Ac);
        if (flags == _derivedFlags && _state.Dr7 == _derivedDr7 && SystemRegisters.AreSame(in _state.SystemRegisters, in _derivedFrom))
        {
            return;
        }

        (_derivedFlags, _derivedDr7, _derivedFrom) = (flags, _state.Dr7, _state.SystemRegisters);
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
                value = LoadRam(entry.Physical + (offset & 0xFFF), size);
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
                StoreRam(entry.Physical + (offset & 0xFFF), size, value);
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
                _modifyPhysical = entry.Physical + (offset & 0xFFF);
                value = LoadRam(_modifyPhysical, size);
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
            StoreRam(_modifyPhysical, size, value);
        }
        else
        {
            TryWriteLinear(_modifyLinear, size, value, _user);
        }
    }
}
