// Binary arithmetic and logical instructions (SDM vol. 1, 5.1.2 and 5.1.4).
using Iced.Intel;

namespace Runtime.Engines.Interpreter;

public sealed partial class Cpu
{
    private void RegisterArithmetic()
    {
        RegisterBinary<AddOperation>(Mnemonic.Add);
        RegisterBinary<AdcOperation>(Mnemonic.Adc);
        RegisterBinary<SubOperation>(Mnemonic.Sub);
        RegisterBinary<SbbOperation>(Mnemonic.Sbb);
        RegisterBinary<CmpOperation>(Mnemonic.Cmp);
        RegisterBinary<AndOperation>(Mnemonic.And);
        RegisterBinary<OrOperation>(Mnemonic.Or);
        RegisterBinary<XorOperation>(Mnemonic.Xor);
        RegisterBinary<TestOperation>(Mnemonic.Test);
        _handlers.On(Mnemonic.Inc, Increment);
        _handlers.On(Mnemonic.Dec, Decrement);
        _handlers.Refine(Mnemonic.Inc, d => d.Op0.Kind == OperandKind.Register32 ? IncrementRegister32 : null);
        _handlers.Refine(Mnemonic.Dec, d => d.Op0.Kind == OperandKind.Register32 ? DecrementRegister32 : null);
        _handlers.On(Mnemonic.Neg, Negate);
        _handlers.On(Mnemonic.Not, Not);
        _handlers.On(Mnemonic.Mul, Multiply);
        _handlers.On(Mnemonic.Imul, MultiplySigned);
        _handlers.On(Mnemonic.Div, Divide);
        _handlers.On(Mnemonic.Idiv, DivideSigned);
    }

    private void RegisterBinary<T>(Mnemonic mnemonic)
        where T : struct, IBinaryOperation
    {
        _handlers.On(mnemonic, Binary<T>);
        _handlers.Refine(mnemonic, d => (d.Op0.Kind, d.Op1.Kind) switch
        {
            (OperandKind.Register32, OperandKind.Register32) => BinaryRegisterRegister<T>,
            (OperandKind.Register32, OperandKind.Immediate) => BinaryRegisterImmediate<T>,
            (OperandKind.Register32, OperandKind.Memory) => BinaryRegisterMemory<T>,
            _ => null,
        });
    }

    private bool BinaryRegisterRegister<T>(DecodedInstruction d)
        where T : struct, IBinaryOperation
    {
        ref uint target = ref Gpr(d.Op0.Index);
        uint r = T.Apply(ref _state.Eflags, target, Gpr(d.Op1.Index), 4);
        if (T.Writes)
        {
            target = r;
        }

        return true;
    }

    private bool BinaryRegisterImmediate<T>(DecodedInstruction d)
        where T : struct, IBinaryOperation
    {
        ref uint target = ref Gpr(d.Op0.Index);
        uint r = T.Apply(ref _state.Eflags, target, d.Immediate, 4);
        if (T.Writes)
        {
            target = r;
        }

        return true;
    }

    private bool BinaryRegisterMemory<T>(DecodedInstruction d)
        where T : struct, IBinaryOperation
    {
        if (!TryRead(d.Segment, EffectiveAddress(d), 4, out uint b))
        {
            return false;
        }

        ref uint target = ref Gpr(d.Op0.Index);
        uint r = T.Apply(ref _state.Eflags, target, b, 4);
        if (T.Writes)
        {
            target = r;
        }

        return true;
    }

    private bool Binary<T>(DecodedInstruction d)
        where T : struct, IBinaryOperation
    {
        uint a, b;
        if (!T.Writes)
        {
            if (!TryReadOperand(d, d.Op0, out a) || !TryReadOperand(d, d.Op1, out b))
            {
                return false;
            }

            T.Apply(ref _state.Eflags, a, b, d.Op0.Size);
            return true;
        }

        // At most one of the two is memory, so the order of the reads cannot be seen.
        if (!TryReadOperand(d, d.Op1, out b) || !TryModifyOperand(d, d.Op0, out a))
        {
            return false;
        }

        CompleteModify(d, d.Op0, T.Apply(ref _state.Eflags, a, b, d.Op0.Size));
        return true;
    }

    private bool IncrementRegister32(DecodedInstruction d)
    {
        ref uint target = ref Gpr(d.Op0.Index);
        uint carry = _state.Eflags & FlagBits.Cf;
        target = Alu.Add(ref _state.Eflags, target, 1, 0, 4);
        _state.Eflags = _state.Eflags & ~FlagBits.Cf | carry;
        return true;
    }

    private bool DecrementRegister32(DecodedInstruction d)
    {
        ref uint target = ref Gpr(d.Op0.Index);
        uint carry = _state.Eflags & FlagBits.Cf;
        target = Alu.Subtract(ref _state.Eflags, target, 1, 0, 4);
        _state.Eflags = _state.Eflags & ~FlagBits.Cf | carry;
        return true;
    }

    private bool Increment(DecodedInstruction d)
    {
        if (!TryModifyOperand(d, d.Op0, out uint a))
        {
            return false;
        }

        uint carry = _state.Eflags & FlagBits.Cf;
        CompleteModify(d, d.Op0, Alu.Add(ref _state.Eflags, a, 1, 0, d.Op0.Size));
        _state.Eflags = _state.Eflags & ~FlagBits.Cf | carry;
        return true;
    }

    private bool Decrement(DecodedInstruction d)
    {
        if (!TryModifyOperand(d, d.Op0, out uint a))
        {
            return false;
        }

        uint carry = _state.Eflags & FlagBits.Cf;
        CompleteModify(d, d.Op0, Alu.Subtract(ref _state.Eflags, a, 1, 0, d.Op0.Size));
        _state.Eflags = _state.Eflags & ~FlagBits.Cf | carry;
        return true;
    }

    private bool Negate(DecodedInstruction d)
    {
        if (!TryModifyOperand(d, d.Op0, out uint a))
        {
            return false;
        }

        CompleteModify(d, d.Op0, Alu.Subtract(ref _state.Eflags, 0, a, 0, d.Op0.Size));
        return true;
    }

    private bool Not(DecodedInstruction d)
    {
        if (!TryModifyOperand(d, d.Op0, out uint a))
        {
            return false;
        }

        CompleteModify(d, d.Op0, ~a);
        return true;
    }

    private static int SignExtend(uint value, int size) => size switch { 4 => (int)value, 2 => (short)value, _ => (sbyte)value };

    /// <summary>CF = OF = overflow. SF, ZF, AF and PF are undefined: set from the low half as recent processors do.</summary>
    private void SetMultiplyFlags(bool overflow, uint low, int size)
        => _state.Eflags = _state.Eflags & ~FlagBits.Arithmetic | (overflow ? FlagBits.Cf | FlagBits.Of : 0)
            | Alu.ResultFlags(low, size) & ~FlagBits.Zf;

    private void WriteDoubleWidth(uint low, uint high, int size)
    {
        if (size == 1)
        {
            WriteRegister(VcpuState.Eax, 2, low & 0xFF | high << 8);
            return;
        }

        WriteRegister(VcpuState.Eax, size, low);
        WriteRegister(VcpuState.Edx, size, high);
    }

    private bool Multiply(DecodedInstruction d)
    {
        int size = d.Op0.Size;
        if (!TryReadOperand(d, d.Op0, out uint b))
        {
            return false;
        }

        ulong product = (ulong)ReadRegister(VcpuState.Eax, size) * b;
        uint low = (uint)product & Alu.Mask(size);
        uint high = (uint)(product >> 8 * size);
        WriteDoubleWidth(low, high, size);
        SetMultiplyFlags(high != 0, low, size);
        return true;
    }

    private bool MultiplySigned(DecodedInstruction d)
    {
        int size = d.Op0.Size;
        uint a, b;
        if (d.Op1.Kind == OperandKind.None)
        {
            if (!TryReadOperand(d, d.Op0, out b))
            {
                return false;
            }

            a = ReadRegister(VcpuState.Eax, size);
        }
        else if (d.Op2.Kind == OperandKind.None)
        {
            if (!TryReadOperand(d, d.Op1, out b))
            {
                return false;
            }

            a = ReadRegister(d.Op0.Index, size);
        }
        else
        {
            if (!TryReadOperand(d, d.Op1, out a))
            {
                return false;
            }

            b = d.Immediate;
        }

        long product = (long)SignExtend(a, size) * SignExtend(b, size);
        uint low = (uint)product & Alu.Mask(size);
        if (d.Op1.Kind == OperandKind.None)
        {
            WriteDoubleWidth(low, (uint)(product >> 8 * size) & Alu.Mask(size), size);
        }
        else
        {
            WriteRegister(d.Op0.Index, size, low);
        }

        SetMultiplyFlags(product != SignExtend(low, size), low, size);
        return true;
    }

    private ulong Dividend(int size) => size switch
    {
        4 => (ulong)Gpr(VcpuState.Edx) << 32 | Gpr(VcpuState.Eax),
        2 => Gpr(VcpuState.Edx) << 16 | Gpr(VcpuState.Eax) & 0xFFFF,
        _ => Gpr(VcpuState.Eax) & 0xFFFF,
    };

    private bool Divide(DecodedInstruction d)
    {
        int size = d.Op0.Size;
        if (!TryReadOperand(d, d.Op0, out uint divisor))
        {
            return false;
        }

        ulong dividend = Dividend(size);
        if (divisor == 0 || dividend / divisor > Alu.Mask(size))
        {
            return RecordFault(ExceptionVector.DivideError);
        }

        WriteDoubleWidth((uint)(dividend / divisor), (uint)(dividend % divisor), size);
        return true;
    }

    private bool DivideSigned(DecodedInstruction d)
    {
        int size = d.Op0.Size;
        if (!TryReadOperand(d, d.Op0, out uint operand))
        {
            return false;
        }

        long dividend = size switch { 4 => (long)Dividend(4), 2 => (int)Dividend(2), _ => (short)Dividend(1) };
        long divisor = SignExtend(operand, size);
        if (divisor == 0 || (divisor == -1 && dividend == long.MinValue))
        {
            return RecordFault(ExceptionVector.DivideError);
        }

        long quotient = dividend / divisor;
        if (quotient != SignExtend((uint)quotient, size))
        {
            return RecordFault(ExceptionVector.DivideError);
        }

        WriteDoubleWidth((uint)quotient & Alu.Mask(size), (uint)(dividend % divisor) & Alu.Mask(size), size);
        return true;
    }
}
