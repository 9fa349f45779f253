// Far jumps and calls (SDM vol. 3, 5.8; vol. 2, JMP and CALL).
using Iced.Intel;
using Runtime.Abi;

namespace Runtime.Engines.Interpreter;

public sealed partial class Cpu
{
    private void RegisterFarTransfer()
    {
        foreach (Code code in (ReadOnlySpan<Code>)[Code.Jmp_ptr1616, Code.Jmp_ptr1632, Code.Jmp_m1616, Code.Jmp_m1632])
        {
            _handlers.On(code, d => FarTransfer(d, false));
        }

        foreach (Code code in (ReadOnlySpan<Code>)[Code.Call_ptr1616, Code.Call_ptr1632, Code.Call_m1616, Code.Call_m1632])
        {
            _handlers.On(code, d => FarTransfer(d, true));
        }

        _handlers.On(Mnemonic.Retf, FarReturn);
    }

    private bool FarTransfer(DecodedInstruction d, bool isCall)
    {
        uint offset = d.Immediate;
        ushort selector = d.Immediate2;
        if (d.Op0.IsMemory)
        {
            uint address = EffectiveAddress(d);
            if (!TryRead(d.Segment, address, d.OperandSize, out offset)
                || !TryRead(d.Segment, address + d.OperandSize & d.AddressMask, 2, out uint read))
            {
                return false;
            }

            selector = (ushort)read;
        }

        if (selector == MonitorWindow.GateSelector && IsInOverlay(_codeBase + _state.Eip))
        {
            return Exit(new VmExit(VmExitReason.Hypercall, Value: offset));
        }

        if (!_protected)
        {
            return FarTransferReal(d.OperandSize, selector, offset, isCall);
        }

        if (selector < 4)
        {
            return GeneralProtection();
        }

        uint error = selector & 0xFFFCu;
        if (!TryReadDescriptor(selector, ExceptionVector.GeneralProtection, 0, out Descriptor target, out uint at))
        {
            return false;
        }

        if (target.IsSystem)
        {
            return FarTransferSystem(selector, target, isCall);
        }

        int rpl = selector & 3;
        bool allowed = target.IsConforming ? target.Dpl <= _state.Cpl : rpl <= _state.Cpl && target.Dpl == _state.Cpl;
        if (!target.IsCode || !allowed)
        {
            return RecordFault(ExceptionVector.GeneralProtection, error);
        }

        if (!target.IsPresent)
        {
            return RecordFault(ExceptionVector.SegmentNotPresent, error);
        }

        if (offset > target.Limit)
        {
            return GeneralProtection();
        }

        return (!isCall || TryPushReturn(d.OperandSize)) && TryEnterCode(selector, _state.Cpl, target, at, offset);
    }

    private bool FarTransferReal(int size, ushort selector, uint offset, bool isCall)
    {
        if (offset > _codeLimit)
        {
            return GeneralProtection();
        }

        if (isCall && !TryPushReturn(size))
        {
            return false;
        }

        SetSegment(SegmentIndex.Cs, RealModeSegment(SegmentIndex.Cs, selector));
        _nextEip = offset;
        return true;
    }

    private bool TryPushReturn(int size)
    {
        uint sp = StackPointer;
        if (!TryPush(ref sp, Segment(SegmentIndex.Cs).Selector, size) || !TryPush(ref sp, _nextEip, size))
        {
            return false;
        }

        SetStackPointer(sp);
        return true;
    }

    /// <summary>Loads CS at a privilege level and goes there.</summary>
    private bool TryEnterCode(ushort selector, int cpl, Descriptor code, uint descriptorAddress, uint offset)
    {
        if (!TryMarkAccessed(descriptorAddress, ref code))
        {
            return false;
        }

        _state.Cpl = (byte)cpl;
        SetSegment(SegmentIndex.Cs, code.ToRegister((ushort)(selector & 0xFFFC | cpl)));
        _nextEip = offset;
        return true;
    }

    private bool FarTransferSystem(ushort selector, Descriptor gate, bool isCall)
    {
        uint error = selector & 0xFFFCu;
        int rpl = selector & 3;
        if (gate.Type is not (SystemType.CallGate16 or SystemType.CallGate32 or SystemType.TaskGate or SystemType.Tss16 or SystemType.Tss32)
            || gate.Dpl < _state.Cpl || gate.Dpl < rpl)
        {
            return RecordFault(ExceptionVector.GeneralProtection, error);
        }

        if (!gate.IsPresent)
        {
            return RecordFault(ExceptionVector.SegmentNotPresent, error);
        }

        TaskSwitchKind kind = isCall ? TaskSwitchKind.Call : TaskSwitchKind.Jump;
        return gate.Type switch
        {
            SystemType.Tss16 or SystemType.Tss32 => TrySwitchTask(selector, kind, _nextEip, 0, null),
            SystemType.TaskGate => TrySwitchTask(gate.GateSelector, kind, _nextEip, 0, null),
            _ => CallGate(gate, isCall),
        };
    }

    private bool CallGate(Descriptor gate, bool isCall)
    {
        int size = gate.Type == SystemType.CallGate32 ? 4 : 2;
        uint offset = size == 4 ? gate.GateOffset : gate.GateOffset & 0xFFFF;
        ushort selector = gate.GateSelector;
        uint error = selector & 0xFFFCu;
        if (selector < 4)
        {
            return GeneralProtection();
        }

        if (!TryReadDescriptor(selector, ExceptionVector.GeneralProtection, 0, out Descriptor code, out uint at))
        {
            return false;
        }

        bool inward = isCall && !code.IsConforming && code.Dpl < _state.Cpl;
        if (!code.IsCode || code.Dpl > _state.Cpl || (!isCall && !code.IsConforming && code.Dpl != _state.Cpl))
        {
            return RecordFault(ExceptionVector.GeneralProtection, error);
        }

        if (!code.IsPresent)
        {
            return RecordFault(ExceptionVector.SegmentNotPresent, error);
        }

        if (offset > code.Limit)
        {
            return GeneralProtection();
        }

        if (inward)
        {
            return CallInward(gate, size, selector, code, at, offset);
        }

        return (!isCall || TryPushReturn(size)) && TryEnterCode(selector, _state.Cpl, code, at, offset);
    }

    /// <summary>A call to an inner level: new stack from the TSS, parameters copied (SDM vol. 3, 5.8.5).</summary>
    private bool CallInward(Descriptor gate, int size, ushort selector, Descriptor code, uint codeAddress, uint offset)
    {
        if (!TryInnerStack(code.Dpl, 0, out StackFrame stack))
        {
            return false;
        }

        SegmentRegister oldStack = Segment(SegmentIndex.Ss);
        if (!TryPushOn(ref stack, oldStack.Selector, size, false) || !TryPushOn(ref stack, Gpr(VcpuState.Esp), size, false))
        {
            return false;
        }

        for (int i = gate.GateParameters - 1; i >= 0; i--)
        {
            uint from = StackPointer + (uint)(i * size) & _stackMask;
            if (!TryRead(SegmentIndex.Ss, from, size, out uint parameter) || !TryPushOn(ref stack, parameter, size, false))
            {
                return false;
            }
        }

        if (!TryPushOn(ref stack, Segment(SegmentIndex.Cs).Selector, size, false) || !TryPushOn(ref stack, _nextEip, size, false)
            || !TryEnterCode(selector, code.Dpl, code, codeAddress, offset))
        {
            return false;
        }

        SetSegment(SegmentIndex.Ss, stack.Segment);
        Gpr(VcpuState.Esp) = stack.Pointer;
        return true;
    }
}
