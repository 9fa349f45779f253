// Delivery of interrupts and exceptions (SDM vol. 3, chapter 6), and IRET.
using Iced.Intel;

namespace Runtime.Engines.Interpreter;

/// <summary>Where an event comes from: decides privilege checks and the EXT bit.</summary>
internal enum EventKind
{
    External,
    Exception,

    /// <summary>INT n.</summary>
    Software,

    /// <summary>INT3 and INTO: as INT n, but IOPL does not matter to virtual-8086 mode.</summary>
    SoftwareException,

    /// <summary>INT1: no privilege check of the gate.</summary>
    PrivilegedSoftwareException,
}

public sealed partial class Cpu
{
    /// <summary>The instruction just executed entered a handler: TF was cleared on the way, no single-step trap follows.</summary>
    private bool _enteredHandler;

    /// <summary>The instruction just executed loaded EFLAGS: RF is what it loaded.</summary>
    private bool _loadedFlags;

    /// <summary>Delivers an external interrupt. The caller has checked IF and the shadow; a fault on the way is delivered instead.</summary>
    /// <returns><see cref="VmExitReason.None"/>, or <see cref="VmExitReason.Shutdown"/>.</returns>
    public VmExit DeliverInterrupt(byte vector)
    {
        if (_shutdown)
        {
            return Shutdown;
        }

        Refresh();
        return TryDeliver(vector, EventKind.External, null, _state.Eip, false) ? VmExit.None : Settle();
    }

    /// <summary>An NMI, which blocks others.</summary>
    public VmExit DeliverNonMaskable()
    {
        const byte vector = 2;
        _state.NonMaskableBlocked = true;
        return DeliverInterrupt(vector);
    }

    /// <summary>INT n as if it stood at State.Eip and the next instruction at <paramref name="nextEip"/>.</summary>
    public VmExit SoftwareInterrupt(byte vector, uint nextEip)
    {
        if (_shutdown)
        {
            return Shutdown;
        }

        Refresh();
        _nextEip = nextEip;
        return TrySoftwareInterrupt(vector, EventKind.Software) ? VmExit.None : Settle();
    }

    private bool TrySoftwareInterrupt(byte vector, EventKind kind)
    {
        if (kind == EventKind.Software && _state.Virtual8086 && Iopl < 3)
        {
            return GeneralProtection();
        }

        return TryDeliver(vector, kind, null, _nextEip, false);
    }

    /// <summary>Enters the handler, or records the fault that prevented it with nothing changed.</summary>
    private bool TryDeliver(byte vector, EventKind kind, uint? error, uint returnEip, bool isFault)
    {
        if (!_state.ProtectedMode)
        {
            return TryDeliverReal(vector, returnEip);
        }

        bool software = kind is EventKind.Software or EventKind.SoftwareException;
        uint ext = software ? 0u : 1;
        uint idtError = (uint)vector * 8 | 2 | ext;
        if ((uint)vector * 8 + 7 > _state.Idtr.Limit)
        {
            return RecordFault(ExceptionVector.GeneralProtection, idtError);
        }

        uint at = _state.Idtr.Base + (uint)vector * 8;
        if (!TryReadLinear(at, 4, false, out uint low) || !TryReadLinear(at + 4, 4, false, out uint high))
        {
            return false;
        }

        var gate = new Descriptor((ulong)high << 32 | low);
        bool known = gate.IsSystem && gate.Type is SystemType.TaskGate or SystemType.InterruptGate16 or SystemType.TrapGate16
            or SystemType.InterruptGate32 or SystemType.TrapGate32;
        if (!known || !gate.IsSystem || (software && gate.Dpl < _state.Cpl))
        {
            return RecordFault(ExceptionVector.GeneralProtection, idtError);
        }

        if (!gate.IsPresent)
        {
            return RecordFault(ExceptionVector.SegmentNotPresent, idtError);
        }

        if (gate.Type == SystemType.TaskGate)
        {
            return TrySwitchTask(gate.GateSelector, TaskSwitchKind.Interrupt, returnEip, ext, error);
        }

        uint flags = _state.Eflags | (isFault ? FlagBits.Rf : 0);
        return TryEnterHandler(gate, flags, error, returnEip, ext);
    }

    /// <summary>SDM vol. 3, 20.1.4: the interrupt vector table.</summary>
    private bool TryDeliverReal(byte vector, uint returnEip)
    {
        uint at = (uint)vector * 4;
        if (at + 3 > _state.Idtr.Limit)
        {
            return RecordFault(ExceptionVector.GeneralProtection, at * 2 + 2);
        }

        uint sp = StackPointer;
        if (!TryReadLinear(_state.Idtr.Base + at, 4, false, out uint target)
            || !TryPush(ref sp, _state.Eflags & 0xFFFF, 2)
            || !TryPush(ref sp, Segment(SegmentIndex.Cs).Selector, 2)
            || !TryPush(ref sp, returnEip, 2))
        {
            return false;
        }

        SetStackPointer(sp);
        _state.Eflags &= ~(FlagBits.If | FlagBits.Tf | FlagBits.Rf | FlagBits.Ac);
        SetSegment(SegmentIndex.Cs, RealModeSegment(SegmentIndex.Cs, (ushort)(target >> 16)));
        _state.Eip = _nextEip = target & 0xFFFF;
        _enteredHandler = true;
        return true;
    }

    private bool TryEnterHandler(Descriptor gate, uint flags, uint? error, uint returnEip, uint ext)
    {
        ushort selector = gate.GateSelector;
        uint selectorError = selector & 0xFFFCu | ext;
        if (selector < 4)
        {
            return RecordFault(ExceptionVector.GeneralProtection, ext);
        }

        if (!TryReadDescriptor(selector, ExceptionVector.GeneralProtection, ext, out Descriptor code, out uint codeAddress))
        {
            return false;
        }

        bool virtual8086 = _state.Virtual8086;
        bool inward = !code.IsConforming && code.Dpl < _state.Cpl;
        if (!code.IsCode || code.Dpl > _state.Cpl || (virtual8086 && (code.IsConforming || code.Dpl != 0)))
        {
            return RecordFault(ExceptionVector.GeneralProtection, selectorError);
        }

        if (!code.IsPresent)
        {
            return RecordFault(ExceptionVector.SegmentNotPresent, selectorError);
        }

        int size = gate.Type is SystemType.InterruptGate32 or SystemType.TrapGate32 ? 4 : 2;
        uint offset = size == 4 ? gate.GateOffset : gate.GateOffset & 0xFFFF;
        if (offset > code.Limit)
        {
            return RecordFault(ExceptionVector.GeneralProtection, ext);
        }

        int cpl = inward ? code.Dpl : _state.Cpl;
        bool user = cpl == 3;
        StackFrame stack;
        if (!inward)
        {
            stack = new StackFrame(Segment(SegmentIndex.Ss), Gpr(VcpuState.Esp), ext);
        }
        else if (!TryInnerStack(cpl, ext, out stack) || (virtual8086 && !TryPushDataSegments(ref stack, size))
            || !TryPushOn(ref stack, Segment(SegmentIndex.Ss).Selector, size, user)
            || !TryPushOn(ref stack, Gpr(VcpuState.Esp), size, user))
        {
            return false;
        }

        if (!TryPushOn(ref stack, flags, size, user)
            || !TryPushOn(ref stack, Segment(SegmentIndex.Cs).Selector, size, user)
            || !TryPushOn(ref stack, returnEip, size, user)
            || (error is { } code32 && !TryPushOn(ref stack, code32, size, user)))
        {
            return false;
        }

        // TF, NT, RF, VM are cleared by every gate; IF by interrupt gates (SDM vol. 3, 6.12.1.3).
        uint cleared = FlagBits.Tf | FlagBits.Nt | FlagBits.Rf | FlagBits.Vm;
        cleared |= gate.Type is SystemType.InterruptGate32 or SystemType.InterruptGate16 ? FlagBits.If : 0;
        uint oldFlags = _state.Eflags;
        _state.Eflags &= ~cleared;
        if (!TryEnterCode(selector, cpl, code, codeAddress, offset))
        {
            _state.Eflags = oldFlags;
            return false;
        }

        if (inward)
        {
            SetSegment(SegmentIndex.Ss, stack.Segment);
        }

        Gpr(VcpuState.Esp) = stack.Pointer;
        if (virtual8086)
        {
            foreach (SegmentIndex index in (ReadOnlySpan<SegmentIndex>)[SegmentIndex.Es, SegmentIndex.Ds, SegmentIndex.Fs, SegmentIndex.Gs])
            {
                SetSegment(index, default);
            }
        }

        _state.Eip = _nextEip;
        _state.InterruptShadow = false;
        _enteredHandler = true;
        return true;
    }

    /// <summary>Order of virtual-8086 entry frames (SDM vol. 3, figure 20-4).</summary>
    private bool TryPushDataSegments(ref StackFrame stack, int size)
        => TryPushOn(ref stack, Segment(SegmentIndex.Gs).Selector, size, false)
            && TryPushOn(ref stack, Segment(SegmentIndex.Fs).Selector, size, false)
            && TryPushOn(ref stack, Segment(SegmentIndex.Ds).Selector, size, false)
            && TryPushOn(ref stack, Segment(SegmentIndex.Es).Selector, size, false);

    private bool TryPushOn(ref StackFrame stack, uint value, int size, bool user)
    {
        uint sp = stack.Pointer - (uint)size & stack.Mask;
        if (!IsWithin(stack.Segment, sp, size))
        {
            return RecordFault(ExceptionVector.StackFault, stack.Error);
        }

        if (!TryWriteLinear(stack.Segment.Base + sp, size, value, user))
        {
            return false;
        }

        stack.Pointer = stack.Pointer & ~stack.Mask | sp;
        return true;
    }

    /// <summary>SS and ESP of an inner level from the TSS (SDM vol. 3, 8.2.1).</summary>
    private bool TryInnerStack(int cpl, uint ext, out StackFrame stack)
    {
        stack = default;
        ref SegmentRegister tss = ref _state.Tr;
        bool is32 = tss.Type is SystemType.Tss32 or SystemType.BusyTss32;
        uint at = is32 ? 4u + 8 * (uint)cpl : 2u + 4 * (uint)cpl;
        if (!tss.IsUsable || at + (is32 ? 5u : 3) > tss.Limit)
        {
            return RecordFault(ExceptionVector.InvalidTss, tss.Selector & 0xFFFCu | ext);
        }

        int size = is32 ? 4 : 2;
        if (!TryReadLinear(tss.Base + at, size, false, out uint sp) || !TryReadLinear(tss.Base + at + (uint)size, 2, false, out uint ss)
            || !TryCheckStackSegment((ushort)ss, cpl, ExceptionVector.InvalidTss, ext, out SegmentRegister segment))
        {
            return false;
        }

        stack = new StackFrame(segment, sp, ss & 0xFFFC | ext);
        return true;
    }
}
