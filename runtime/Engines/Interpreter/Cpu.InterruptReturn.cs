// IRET in all its forms (SDM vol. 2, IRET/IRETD).
using Iced.Intel;

namespace Runtime.Engines.Interpreter;

public sealed partial class Cpu
{
    /// <summary>IRET.</summary>
    public bool TryReturnFromInterrupt(int size)
    {
        // SDM vol. 3, 6.7.1: even where it faults.
        if (_state.NonMaskableBlocked)
        {
            _state.NonMaskableBlocked = false;
            NonMaskableUnblocked?.Invoke();
        }

        if (_state.Virtual8086 && Iopl < 3)
        {
            return GeneralProtection();
        }

        if (_protected && (_state.Eflags & FlagBits.Nt) != 0)
        {
            return TryReturnFromTask();
        }

        uint sp = StackPointer;
        if (!TryPop(ref sp, size, out uint offset) || !TryPop(ref sp, size, out uint popped) || !TryPop(ref sp, size, out uint flags))
        {
            return false;
        }

        var selector = (ushort)popped;
        if (!_protected)
        {
            if (offset > _codeLimit)
            {
                return GeneralProtection();
            }

            SetSegment(SegmentIndex.Cs, RealModeSegment(SegmentIndex.Cs, selector));
            SetStackPointer(sp);
            _nextEip = offset;

            // IOPL and VM are out of reach in virtual-8086 mode.
            uint kept = _state.Virtual8086 ? FlagBits.Iopl | FlagBits.Vm : 0;
            uint merged = MergeFlags(flags, size);
            SetFlags(merged & ~kept | _state.Eflags & kept);
            return true;
        }

        if (size == 4 && (flags & FlagBits.Vm) != 0 && _state.Cpl == 0)
        {
            return ReturnToVirtual8086(selector, offset, flags, sp);
        }

        return ReturnTo(selector, offset, sp, size, 0, flags);
    }

    /// <summary>SDM vol. 3, 20.2.1: the frame of figure 20-4, read back.</summary>
    private bool ReturnToVirtual8086(ushort code, uint offset, uint flags, uint sp)
    {
        Span<uint> frame = stackalloc uint[6];
        for (int i = 0; i < 6; i++)
        {
            if (!TryPop(ref sp, 4, out frame[i]))
            {
                return false;
            }
        }

        _state.Eflags = flags & (WritableFlags | FlagBits.Vm | FlagBits.Vif | FlagBits.Vip) | 2;
        _state.Cpl = 3;
        Segment(SegmentIndex.Cs) = Virtual8086Segment(code);
        Segment(SegmentIndex.Ss) = Virtual8086Segment((ushort)frame[1]);
        Segment(SegmentIndex.Es) = Virtual8086Segment((ushort)frame[2]);
        Segment(SegmentIndex.Ds) = Virtual8086Segment((ushort)frame[3]);
        Segment(SegmentIndex.Fs) = Virtual8086Segment((ushort)frame[4]);
        Segment(SegmentIndex.Gs) = Virtual8086Segment((ushort)frame[5]);
        Gpr(VcpuState.Esp) = frame[0];
        _nextEip = offset & 0xFFFF;
        Refresh();
        _loadedFlags = true;
        AskForAttention();
        return true;
    }
}
