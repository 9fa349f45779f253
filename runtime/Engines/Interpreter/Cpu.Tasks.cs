// Task switching through 32- and 16-bit task-state segments (SDM vol. 3, chapter 8).
namespace Runtime.Engines.Interpreter;

internal enum TaskSwitchKind
{
    Jump,
    Call,
    Interrupt,
    Return,
}

public sealed partial class Cpu
{
    private bool TryReturnFromTask()
    {
        ref SegmentRegister tss = ref _state.Tr;
        if (!TryReadLinear(tss.Base, 2, false, out uint link))
        {
            return false;
        }

        return TrySwitchTask((ushort)link, TaskSwitchKind.Return, _nextEip, 0, null);
    }

    private bool TrySwitchTask(ushort selector, TaskSwitchKind kind, uint returnEip, uint ext, uint? error)
    {
        uint selectorError = selector & 0xFFFCu | ext;
        byte bad = kind == TaskSwitchKind.Return ? ExceptionVector.InvalidTss : ExceptionVector.GeneralProtection;
        if (selector < 4 || (selector & 4) != 0)
        {
            return RecordFault(bad, selectorError);
        }

        if (!TryReadDescriptor(selector, bad, ext, out Descriptor target, out uint targetAddress))
        {
            return false;
        }

        bool wantBusy = kind == TaskSwitchKind.Return;
        bool is32 = target.Type is SystemType.Tss32 or SystemType.BusyTss32;
        if (!target.IsSystem || target.Type != ((is32 ? SystemType.Tss32 : SystemType.Tss16) | (wantBusy ? 2 : 0)))
        {
            return RecordFault(bad, selectorError);
        }

        if (!target.IsPresent)
        {
            return RecordFault(ExceptionVector.SegmentNotPresent, selectorError);
        }

        if (target.Limit < (is32 ? 0x67u : 0x2B))
        {
            return RecordFault(ExceptionVector.InvalidTss, selectorError);
        }

        if (!TryReadTask(target.Base, is32, out TaskState next) || !TrySaveTask(kind, returnEip))
        {
            return false;
        }

        // From here on faults belong to the new task (SDM vol. 3, 8.3).
        bool nested = kind is TaskSwitchKind.Call or TaskSwitchKind.Interrupt;
        if (!nested && !TryChangeBusy(_state.Tr.Selector, false))
        {
            return false;
        }

        if (nested && !TryWriteLinear(target.Base, 2, _state.Tr.Selector, false))
        {
            return false;
        }

        if (kind != TaskSwitchKind.Return && !TryWriteLinear(targetAddress + 5, 1, target.High >> 8 & 0xFF | 2, false))
        {
            return false;
        }

        _state.Tr = target.ToRegister(selector) with { Attributes = (ushort)(target.Attributes | 2) };
        return TryLoadTask(next, is32, nested) && (error is null || TryPush(error.Value, is32 ? 4 : 2));
    }

    private bool TryReadTask(uint at, bool is32, out TaskState task)
    {
        task = default;
        uint value;
        int size = is32 ? 4 : 2;
        uint registers = at + (is32 ? 0x28u : 0x12);
        uint selectors = at + (is32 ? 0x48u : 0x22);
        if ((is32 && !TryReadLinear(at + 0x1C, 4, false, out task.Cr3))
            || !TryReadLinear(at + (is32 ? 0x20u : 0x0E), size, false, out task.Eip)
            || !TryReadLinear(at + (is32 ? 0x24u : 0x10), size, false, out task.Eflags))
        {
            return false;
        }

        for (int i = 0; i < 8; i++)
        {
            if (!TryReadLinear(registers + (uint)(i * size), size, false, out value))
            {
                return false;
            }

            task.Gpr[i] = is32 ? value : value | 0xFFFF_0000;
        }

        for (int i = 0; i < (is32 ? 6 : 4); i++)
        {
            if (!TryReadLinear(selectors + (uint)(i * size), 2, false, out value))
            {
                return false;
            }

            task.Selectors[i] = (ushort)value;
        }

        if (!TryReadLinear(at + (is32 ? 0x60u : 0x2A), 2, false, out value))
        {
            return false;
        }

        task.Ldt = (ushort)value;
        if (is32)
        {
            if (!TryReadLinear(at + 0x64, 2, false, out value))
            {
                return false;
            }

            task.Trap = (value & 1) != 0;
        }

        return true;
    }

    private bool TrySaveTask(TaskSwitchKind kind, uint returnEip)
    {
        SegmentRegister tss = _state.Tr;
        bool is32 = tss.Type is SystemType.Tss32 or SystemType.BusyTss32;
        int size = is32 ? 4 : 2;
        uint at = tss.Base;

        // Probed first, so that a page fault finds the old task whole.
        if (!TryProbeWrite(at, is32 ? 0x68 : 0x2C, false))
        {
            return false;
        }

        uint flags = kind == TaskSwitchKind.Return ? _state.Eflags & ~FlagBits.Nt : _state.Eflags;
        TryWriteLinear(at + (is32 ? 0x20u : 0x0E), size, returnEip, false);
        TryWriteLinear(at + (is32 ? 0x24u : 0x10), size, flags, false);
        for (int i = 0; i < 8; i++)
        {
            TryWriteLinear(at + (is32 ? 0x28u : 0x12) + (uint)(i * size), size, Gpr(i), false);
        }

        for (int i = 0; i < (is32 ? 6 : 4); i++)
        {
            TryWriteLinear(at + (is32 ? 0x48u : 0x22) + (uint)(i * size), 2, _state.Segments[i].Selector, false);
        }

        return true;
    }

    private bool TryChangeBusy(ushort selector, bool busy)
    {
        uint at = _state.Gdtr.Base + (selector & 0xFFF8u) + 5;
        return TryReadLinear(at, 1, false, out uint type) && TryWriteLinear(at, 1, busy ? type | 2 : type & ~2u, false);
    }

    private bool TryLoadTask(in TaskState next, bool is32, bool nested)
    {
        if (is32 && _state.PagingEnabled)
        {
            uint before = _state.Cr3;
            _state.Cr3 = next.Cr3;
            FlushTlb();
            Observer?.ControlRegisterWritten(3, before, next.Cr3);
        }

        _state.Cr0 |= ControlRegisters.Cr0Ts;
        _state.Eip = _nextEip = next.Eip;
        _state.Eflags = (next.Eflags & (WritableFlags | FlagBits.Vm) | 2) | (nested ? FlagBits.Nt : 0);
        _state.Gpr = next.Gpr;
        _state.Ldtr = default;
        _enteredHandler = true;
        _loadedFlags = true;
        if (next.Trap)
        {
            _trapBits |= Dr6TaskSwitch;
        }

        bool virtual8086 = _state.Virtual8086;
        _state.Cpl = (byte)(virtual8086 ? 3 : next.Selectors[(int)SegmentIndex.Cs] & 3);
        for (int i = 0; i < 6; i++)
        {
            _state.Segments[i] = virtual8086
                ? Virtual8086Segment(next.Selectors[i])
                : new SegmentRegister(next.Selectors[i], 0, 0, 0);
        }

        Refresh();
        AskForAttention();
        _attention |= next.Trap;
        return TryLoadLocalTable(next.Ldt, ExceptionVector.InvalidTss) && (virtual8086 || TryLoadTaskSegments(next));
    }

    private bool TryLoadTaskSegments(in TaskState next)
    {
        ushort selector = next.Selectors[(int)SegmentIndex.Cs];
        uint error = selector & 0xFFFCu;
        if (selector < 4)
        {
            return RecordFault(ExceptionVector.InvalidTss, 0);
        }

        if (!TryReadDescriptor(selector, ExceptionVector.InvalidTss, 0, out Descriptor code, out uint at))
        {
            return false;
        }

        if (!code.IsCode || (code.IsConforming ? code.Dpl > _state.Cpl : code.Dpl != _state.Cpl))
        {
            return RecordFault(ExceptionVector.InvalidTss, error);
        }

        if (!code.IsPresent)
        {
            return RecordFault(ExceptionVector.SegmentNotPresent, error);
        }

        if (!TryCheckStackSegment(next.Selectors[(int)SegmentIndex.Ss], _state.Cpl, ExceptionVector.InvalidTss, 0, out SegmentRegister stack)
            || !TryMarkAccessed(at, ref code))
        {
            return false;
        }

        SetSegment(SegmentIndex.Ss, stack);
        SetSegment(SegmentIndex.Cs, code.ToRegister(selector));
        foreach (SegmentIndex index in (ReadOnlySpan<SegmentIndex>)[SegmentIndex.Es, SegmentIndex.Ds, SegmentIndex.Fs, SegmentIndex.Gs])
        {
            if (!TryLoadData(index, next.Selectors[(int)index], ExceptionVector.InvalidTss))
            {
                return false;
            }
        }

        return _state.Eip <= _codeLimit || GeneralProtection();
    }
}
