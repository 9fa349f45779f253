// Decimal adjustment (SDM vol. 1, 5.1.3).
using Iced.Intel;

namespace Runtime.Engines.Interpreter;

public sealed partial class Cpu
{
    private void RegisterDecimal()
    {
        _handlers.On(Mnemonic.Daa, _ => DecimalAdjust(1));
        _handlers.On(Mnemonic.Das, _ => DecimalAdjust(-1));
        _handlers.On(Mnemonic.Aaa, _ => AsciiAdjust(1));
        _handlers.On(Mnemonic.Aas, _ => AsciiAdjust(-1));
        _handlers.On(Mnemonic.Aam, AsciiAdjustMultiply);
        _handlers.On(Mnemonic.Aad, AsciiAdjustDivide);
    }

    private bool DecimalAdjust(int sign)
    {
        uint al = Gpr(VcpuState.Eax) & 0xFF;
        uint before = al;
        uint flags = _state.Eflags;
        bool carry = false;
        bool auxiliary = (al & 0xF) > 9 || (flags & FlagBits.Af) != 0;
        bool hadCarry = (flags & FlagBits.Cf) != 0;
        if (auxiliary)
        {
            uint adjusted = al + (uint)(6 * sign);
            carry = hadCarry || adjusted > 0xFF;
            al = adjusted & 0xFF;
        }

        if (before > 0x99 || hadCarry)
        {
            al = al + (uint)(0x60 * sign) & 0xFF;
            carry = true;
        }
        else if (sign > 0)
        {
            carry = false;
        }

        WriteRegister8(VcpuState.Eax, al);
        _state.Eflags = flags & ~FlagBits.Arithmetic | Alu.ResultFlags(al, 1) | (carry ? FlagBits.Cf : 0) | (auxiliary ? FlagBits.Af : 0);
        return true;
    }

    private bool AsciiAdjust(int sign)
    {
        uint ax = Gpr(VcpuState.Eax) & 0xFFFF;
        bool adjust = (ax & 0xF) > 9 || (_state.Eflags & FlagBits.Af) != 0;
        if (adjust)
        {
            ax += (uint)(0x106 * sign);
        }

        ax &= 0xFF0F;
        WriteRegister(VcpuState.Eax, 2, ax);
        _state.Eflags = _state.Eflags & ~FlagBits.Arithmetic | Alu.ResultFlags(ax & 0xFF, 1) | (adjust ? FlagBits.Cf | FlagBits.Af : 0);
        return true;
    }

    private bool AsciiAdjustMultiply(DecodedInstruction d)
    {
        uint radix = d.Immediate & 0xFF;
        if (radix == 0)
        {
            return RecordFault(ExceptionVector.DivideError);
        }

        uint al = Gpr(VcpuState.Eax) & 0xFF;
        WriteRegister(VcpuState.Eax, 2, al / radix << 8 | al % radix);
        Alu.Logical(ref _state.Eflags, al % radix, 1);
        return true;
    }

    private bool AsciiAdjustDivide(DecodedInstruction d)
    {
        uint ax = Gpr(VcpuState.Eax);
        uint al = (ax & 0xFF) + (ax >> 8 & 0xFF) * (d.Immediate & 0xFF) & 0xFF;
        WriteRegister(VcpuState.Eax, 2, al);
        Alu.Logical(ref _state.Eflags, al, 1);
        return true;
    }
}
