// Bit and byte instructions (SDM vol. 1, 5.1.6).
using System.Numerics;
using Iced.Intel;

namespace Runtime.Engines.Interpreter;

public sealed partial class Cpu
{
    private void RegisterBits()
    {
        _handlers.On(Mnemonic.Bt, BitTest);
        RegisterBitChange(Mnemonic.Bts, (value, bit) => value | bit);
        RegisterBitChange(Mnemonic.Btr, (value, bit) => value & ~bit);
        RegisterBitChange(Mnemonic.Btc, (value, bit) => value ^ bit);
        _handlers.On(Mnemonic.Bsf, d => BitScan(d, BitOperations.TrailingZeroCount));
        _handlers.On(Mnemonic.Bsr, d => BitScan(d, value => 31 - BitOperations.LeadingZeroCount(value)));

        // Without BMI1 and LZCNT the F3 prefix means nothing here.
        _handlers.On(Mnemonic.Tzcnt, d => BitScan(d, BitOperations.TrailingZeroCount));
        _handlers.On(Mnemonic.Lzcnt, d => BitScan(d, value => 31 - BitOperations.LeadingZeroCount(value)));
        foreach (Mnemonic set in (ReadOnlySpan<Mnemonic>)[Mnemonic.Seto, Mnemonic.Setno, Mnemonic.Setb, Mnemonic.Setae, Mnemonic.Sete,
            Mnemonic.Setne, Mnemonic.Setbe, Mnemonic.Seta, Mnemonic.Sets, Mnemonic.Setns, Mnemonic.Setp, Mnemonic.Setnp, Mnemonic.Setl,
            Mnemonic.Setge, Mnemonic.Setle, Mnemonic.Setg])
        {
            _handlers.On(set, d => TryWriteOperand(d, d.Op0, HasCondition(d.Condition) ? 1u : 0));
        }
    }

    /// <summary>The address of the word that holds the bit: a register offset reaches outside of the operand, an immediate does not.</summary>
    private uint BitAddress(DecodedInstruction d, uint offset)
    {
        int bits = d.Op0.Size * 8;
        uint address = EffectiveAddress(d);
        if (d.Op1.Kind == OperandKind.Immediate)
        {
            return address;
        }

        int word = SignExtend(offset, d.Op1.Size) >> BitOperations.Log2((uint)bits);
        return address + (uint)(word * d.Op0.Size) & d.AddressMask;
    }

    private void SetCarry(bool carry) => _state.Eflags = carry ? _state.Eflags | FlagBits.Cf : _state.Eflags & ~FlagBits.Cf;

    private bool BitTest(DecodedInstruction d)
    {
        TryReadOperand(d, d.Op1, out uint offset);
        uint value;
        if (d.Op0.IsMemory)
        {
            if (!TryRead(d.Segment, BitAddress(d, offset), d.Op0.Size, out value))
            {
                return false;
            }
        }
        else
        {
            value = ReadRegister(d.Op0.Index, d.Op0.Size);
        }

        SetCarry((value >> (int)(offset & (uint)(d.Op0.Size * 8 - 1)) & 1) != 0);
        return true;
    }

    private void RegisterBitChange(Mnemonic mnemonic, Func<uint, uint, uint> change)
        => _handlers.On(mnemonic, d =>
        {
            TryReadOperand(d, d.Op1, out uint offset);
            uint bit = 1u << (int)(offset & (uint)(d.Op0.Size * 8 - 1));
            uint value;
            if (d.Op0.IsMemory)
            {
                if (!TryModify(d.Segment, BitAddress(d, offset), d.Op0.Size, out value))
                {
                    return false;
                }

                CompleteModify(d.Op0.Size, change(value, bit));
            }
            else
            {
                value = ReadRegister(d.Op0.Index, d.Op0.Size);
                WriteRegister(d.Op0.Index, d.Op0.Size, change(value, bit));
            }

            SetCarry((value & bit) != 0);
            return true;
        });

    /// <summary>ZF alone is defined. A zero source leaves the destination alone, as every processor does and AMD documents.</summary>
    private bool BitScan(DecodedInstruction d, Func<uint, int> scan)
    {
        if (!TryReadOperand(d, d.Op1, out uint value))
        {
            return false;
        }

        if (value == 0)
        {
            _state.Eflags |= FlagBits.Zf;
            return true;
        }

        _state.Eflags &= ~FlagBits.Zf;
        WriteRegister(d.Op0.Index, d.Op0.Size, (uint)scan(value));
        return true;
    }
}
