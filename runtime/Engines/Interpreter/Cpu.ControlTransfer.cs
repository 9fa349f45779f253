// Near control transfer, software interrupts (SDM vol. 1, 5.1.7). Far transfers: Cpu.FarTransfer.
using System.Runtime.CompilerServices;
using Iced.Intel;

namespace Runtime.Engines.Interpreter;

public sealed partial class Cpu
{
    private void RegisterControlTransfer()
    {
        foreach (Mnemonic jump in (ReadOnlySpan<Mnemonic>)[Mnemonic.Jo, Mnemonic.Jno, Mnemonic.Jb, Mnemonic.Jae, Mnemonic.Je, Mnemonic.Jne,
            Mnemonic.Jbe, Mnemonic.Ja, Mnemonic.Js, Mnemonic.Jns, Mnemonic.Jp, Mnemonic.Jnp, Mnemonic.Jl, Mnemonic.Jge, Mnemonic.Jle,
            Mnemonic.Jg])
        {
            _handlers.On(jump, d => !HasCondition(d.Condition) || TryBranch(d, _nextEip + d.Immediate));
            _handlers.Refine(jump, d => (d.IsOperand32, d.Condition) switch
            {
                (true, 4) => JumpIfEqual,
                (true, 5) => JumpIfNotEqual,
                _ => null,
            });
        }

        _handlers.On(Mnemonic.Jmp, JumpNear);
        _handlers.On(Mnemonic.Call, CallNear);
        _handlers.On(Mnemonic.Ret, ReturnNear);
        foreach (Mnemonic jump in (ReadOnlySpan<Mnemonic>)[Mnemonic.Jcxz, Mnemonic.Jecxz])
        {
            _handlers.On(jump, d => (Gpr(VcpuState.Ecx) & d.AddressMask) != 0 || TryBranch(d, _nextEip + d.Immediate));
        }

        _handlers.On(Mnemonic.Loop, d => Loop(d, null));
        _handlers.On(Mnemonic.Loope, d => Loop(d, true));
        _handlers.On(Mnemonic.Loopne, d => Loop(d, false));
        _handlers.On(Mnemonic.Int, d => TryInterrupt((byte)d.Immediate));
        _handlers.On(Mnemonic.Int3, _ => TrySoftwareInterrupt(ExceptionVector.Breakpoint, EventKind.SoftwareException));
        _handlers.On(Mnemonic.Int1, _ => TrySoftwareInterrupt(ExceptionVector.Debug, EventKind.PrivilegedSoftwareException));
        _handlers.On(Mnemonic.Into, _ => (_state.Eflags & FlagBits.Of) == 0
            || TrySoftwareInterrupt(ExceptionVector.Overflow, EventKind.SoftwareException));
        _handlers.On(Mnemonic.Bound, Bound);
    }

    /// <summary>The conditions of Jcc, SETcc and CMOVcc in encoding order (SDM vol. 1, appendix B).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool HasCondition(int condition)
    {
        uint flags = _state.Eflags;
        bool holds = (condition >> 1) switch
        {
            0 => (flags & FlagBits.Of) != 0,
            1 => (flags & FlagBits.Cf) != 0,
            2 => (flags & FlagBits.Zf) != 0,
            3 => (flags & (FlagBits.Cf | FlagBits.Zf)) != 0,
            4 => (flags & FlagBits.Sf) != 0,
            5 => (flags & FlagBits.Pf) != 0,
            6 => ((flags >> 7 ^ flags >> 11) & 1) != 0,
            _ => ((flags >> 7 ^ flags >> 11) & 1) != 0 || (flags & FlagBits.Zf) != 0,
        };
        return holds ^ (condition & 1) != 0;
    }

    private bool JumpIfEqual(DecodedInstruction d) => (_state.Eflags & FlagBits.Zf) == 0 || TryBranch(d, _nextEip + d.Immediate);

    private bool JumpIfNotEqual(DecodedInstruction d) => (_state.Eflags & FlagBits.Zf) != 0 || TryBranch(d, _nextEip + d.Immediate);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryBranch(DecodedInstruction d, uint target)
    {
        if (d.OperandSize == 2)
        {
            target &= 0xFFFF;
        }

        if (target > _codeLimit)
        {
            return GeneralProtection();
        }

        _nextEip = target;
        return true;
    }

    private bool TryBranchTarget(DecodedInstruction d, out uint target)
    {
        if (d.Op0.Kind == OperandKind.Immediate)
        {
            target = _nextEip + d.Immediate;
            return true;
        }

        return TryReadOperand(d, d.Op0, out target);
    }

    private bool JumpNear(DecodedInstruction d) => TryBranchTarget(d, out uint target) && TryBranch(d, target);

    private bool CallNear(DecodedInstruction d)
    {
        if (!TryBranchTarget(d, out uint target))
        {
            return false;
        }

        uint returnTo = _nextEip;
        return TryBranch(d, target) && TryPush(returnTo, d.OperandSize);
    }

    private bool ReturnNear(DecodedInstruction d)
    {
        uint sp = StackPointer;
        if (!TryPop(ref sp, d.OperandSize, out uint target) || !TryBranch(d, target))
        {
            return false;
        }

        SetStackPointer(sp + (d.Op0.Kind == OperandKind.Immediate ? d.Immediate & 0xFFFF : 0));
        return true;
    }

    private bool Loop(DecodedInstruction d, bool? zero)
    {
        uint count = Gpr(VcpuState.Ecx) - 1 & d.AddressMask;
        bool taken = count != 0 && (zero is null || (_state.Eflags & FlagBits.Zf) != 0 == zero);
        if (taken && !TryBranch(d, _nextEip + d.Immediate))
        {
            return false;
        }

        Gpr(VcpuState.Ecx) = Gpr(VcpuState.Ecx) & ~d.AddressMask | count;
        return true;
    }

    private bool Bound(DecodedInstruction d)
    {
        int size = d.Op0.Size;
        uint address = EffectiveAddress(d);
        if (!TryRead(d.Segment, address, size, out uint lower)
            || !TryRead(d.Segment, address + (uint)size & d.AddressMask, size, out uint upper))
        {
            return false;
        }

        int index = SignExtend(ReadRegister(d.Op0.Index, size), size);
        return (index >= SignExtend(lower, size) && index <= SignExtend(upper, size)) || RecordFault(ExceptionVector.BoundRange);
    }
}
