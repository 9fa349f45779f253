// Data transfer between registers and memory (SDM vol. 1, 5.1.1), without the stack and the segment registers.
using System.Buffers.Binary;
using Iced.Intel;

namespace Runtime.Engines.Interpreter;

public sealed partial class Cpu
{
    private void RegisterDataTransfer()
    {
        _handlers.On(Mnemonic.Mov, Move);
        _handlers.Refine(Mnemonic.Mov, d => (d.Op0.Kind, d.Op1.Kind) switch
        {
            (OperandKind.Register32, OperandKind.Register32) => MoveRegister32,
            (OperandKind.Register32, OperandKind.Immediate) => MoveImmediate32,
            (OperandKind.Register32, OperandKind.Memory) => Load32,
            (OperandKind.Memory, OperandKind.Register32) => Store32,
            _ => null,
        });
        _handlers.On(Mnemonic.Movzx, Move);
        _handlers.On(Mnemonic.Movsx, MoveSignExtended);
        _handlers.On(Mnemonic.Lea, LoadEffectiveAddress);
        _handlers.On(Mnemonic.Xchg, Exchange);
        _handlers.On(Mnemonic.Xadd, ExchangeAdd);
        _handlers.On(Mnemonic.Cmpxchg, CompareExchange);
        _handlers.On(Mnemonic.Bswap, ByteSwap);
        _handlers.On(Mnemonic.Cbw, _ => ExtendAccumulator(2));
        _handlers.On(Mnemonic.Cwde, _ => ExtendAccumulator(4));
        _handlers.On(Mnemonic.Cwd, _ => SpreadSign(2));
        _handlers.On(Mnemonic.Cdq, _ => SpreadSign(4));
        _handlers.On(Mnemonic.Xlatb, Translate);
        if (_model.Has(CpuFeatures.Cx8))
        {
            _handlers.On(Mnemonic.Cmpxchg8b, CompareExchange8);
        }

        if (_model.Has(CpuFeatures.Cmov))
        {
            foreach (Mnemonic move in (ReadOnlySpan<Mnemonic>)[Mnemonic.Cmovo, Mnemonic.Cmovno, Mnemonic.Cmovb, Mnemonic.Cmovae,
                Mnemonic.Cmove, Mnemonic.Cmovne, Mnemonic.Cmovbe, Mnemonic.Cmova, Mnemonic.Cmovs, Mnemonic.Cmovns, Mnemonic.Cmovp,
                Mnemonic.Cmovnp, Mnemonic.Cmovl, Mnemonic.Cmovge, Mnemonic.Cmovle, Mnemonic.Cmovg])
            {
                _handlers.On(move, MoveConditional);
            }
        }
    }

    private bool MoveRegister32(DecodedInstruction d)
    {
        Gpr(d.Op0.Index) = Gpr(d.Op1.Index);
        return true;
    }

    private bool MoveImmediate32(DecodedInstruction d)
    {
        Gpr(d.Op0.Index) = d.Immediate;
        return true;
    }

    private bool Load32(DecodedInstruction d)
    {
        if (!TryRead(d.Segment, EffectiveAddress(d), 4, out uint value))
        {
            return false;
        }

        Gpr(d.Op0.Index) = value;
        return true;
    }

    private bool Store32(DecodedInstruction d) => TryWrite(d.Segment, EffectiveAddress(d), 4, Gpr(d.Op1.Index));

    private bool Move(DecodedInstruction d) => TryReadOperand(d, d.Op1, out uint value) && TryWriteOperand(d, d.Op0, value);

    private bool MoveSignExtended(DecodedInstruction d)
    {
        if (!TryReadOperand(d, d.Op1, out uint value))
        {
            return false;
        }

        WriteRegister(d.Op0.Index, d.Op0.Size, (uint)SignExtend(value, d.Op1.Size));
        return true;
    }

    private bool MoveConditional(DecodedInstruction d)
    {
        // The source is read, and may fault, whatever the condition.
        if (!TryReadOperand(d, d.Op1, out uint value))
        {
            return false;
        }

        if (HasCondition(d.Condition))
        {
            WriteRegister(d.Op0.Index, d.Op0.Size, value);
        }

        return true;
    }

    private bool LoadEffectiveAddress(DecodedInstruction d)
    {
        WriteRegister(d.Op0.Index, d.Op0.Size, EffectiveAddress(d));
        return true;
    }

    private bool Exchange(DecodedInstruction d)
    {
        (Operand memory, Operand register) = d.Op1.IsMemory ? (d.Op1, d.Op0) : (d.Op0, d.Op1);
        if (!TryModifyOperand(d, memory, out uint value))
        {
            return false;
        }

        CompleteModify(d, memory, ReadRegister(register.Index, register.Size));
        WriteRegister(register.Index, register.Size, value);
        return true;
    }

    private bool ExchangeAdd(DecodedInstruction d)
    {
        if (!TryModifyOperand(d, d.Op0, out uint value))
        {
            return false;
        }

        uint sum = Alu.Add(ref _state.Eflags, value, ReadRegister(d.Op1.Index, d.Op1.Size), 0, d.Op0.Size);
        WriteRegister(d.Op1.Index, d.Op1.Size, value);
        CompleteModify(d, d.Op0, sum);
        return true;
    }

    private bool CompareExchange(DecodedInstruction d)
    {
        int size = d.Op0.Size;
        if (!TryModifyOperand(d, d.Op0, out uint value))
        {
            return false;
        }

        uint accumulator = ReadRegister(VcpuState.Eax, size);
        Alu.Subtract(ref _state.Eflags, accumulator, value, 0, size);
        if (accumulator == value)
        {
            CompleteModify(d, d.Op0, ReadRegister(d.Op1.Index, size));
        }
        else
        {
            // The destination is written back whatever the comparison says.
            CompleteModify(d, d.Op0, value);
            WriteRegister(VcpuState.Eax, size, value);
        }

        return true;
    }

    private bool CompareExchange8(DecodedInstruction d)
    {
        uint address = EffectiveAddress(d);

        // It always writes, so a fault is a write's.
        if (!TryLinear(d.Segment, address, 8, true, out uint linear) || !TryProbeWrite(linear, 8, _user)
            || !TryRead64(d.Segment, address, out ulong value))
        {
            return false;
        }

        ulong expected = (ulong)Gpr(VcpuState.Edx) << 32 | Gpr(VcpuState.Eax);
        ulong replacement = (ulong)Gpr(VcpuState.Ecx) << 32 | Gpr(VcpuState.Ebx);
        if (!TryWrite64(d.Segment, address, expected == value ? replacement : value))
        {
            return false;
        }

        _state.Eflags = expected == value ? _state.Eflags | FlagBits.Zf : _state.Eflags & ~FlagBits.Zf;
        if (expected != value)
        {
            Gpr(VcpuState.Eax) = (uint)value;
            Gpr(VcpuState.Edx) = (uint)(value >> 32);
        }

        return true;
    }

    private bool ByteSwap(DecodedInstruction d)
    {
        // A 16-bit BSWAP is undefined; processors give zero.
        WriteRegister(d.Op0.Index, d.Op0.Size, d.Op0.Size == 4 ? BinaryPrimitives.ReverseEndianness(Gpr(d.Op0.Index)) : 0);
        return true;
    }

    private bool ExtendAccumulator(int size)
    {
        WriteRegister(VcpuState.Eax, size, (uint)SignExtend(Gpr(VcpuState.Eax), size / 2));
        return true;
    }

    private bool SpreadSign(int size)
    {
        WriteRegister(VcpuState.Edx, size, SignExtend(Gpr(VcpuState.Eax), size) < 0 ? uint.MaxValue : 0);
        return true;
    }

    private bool Translate(DecodedInstruction d)
    {
        uint address = Gpr(VcpuState.Ebx) + (Gpr(VcpuState.Eax) & 0xFF) & d.AddressMask;
        if (!TryRead(d.Segment, address, 1, out uint value))
        {
            return false;
        }

        WriteRegister8(VcpuState.Eax, value);
        return true;
    }
}
