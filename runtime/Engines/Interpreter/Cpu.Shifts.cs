// Shifts and rotates (SDM vol. 1, 5.1.5). Counts are taken modulo 32; a count of 0 changes no flag.
using Iced.Intel;

namespace Runtime.Engines.Interpreter;

public sealed partial class Cpu
{
    private void RegisterShifts()
    {
        RegisterShift(Mnemonic.Shl, ShiftLeft);
        RegisterShift(Mnemonic.Sal, ShiftLeft);
        RegisterShift(Mnemonic.Shr, ShiftRight);
        RegisterShift(Mnemonic.Sar, ShiftRightArithmetic);
        RegisterShift(Mnemonic.Rol, RotateLeft);
        RegisterShift(Mnemonic.Ror, RotateRight);
        RegisterShift(Mnemonic.Rcl, RotateCarryLeft);
        RegisterShift(Mnemonic.Rcr, RotateCarryRight);
        _handlers.On(Mnemonic.Shld, d => ShiftDouble(d, true));
        _handlers.On(Mnemonic.Shrd, d => ShiftDouble(d, false));
    }

    private delegate uint ShiftOperation(ref uint flags, uint value, int count, int size);

    private void RegisterShift(Mnemonic mnemonic, ShiftOperation operation)
        => _handlers.On(mnemonic, d =>
        {
            if (!TryReadOperand(d, d.Op1, out uint count) || !TryModifyOperand(d, d.Op0, out uint value))
            {
                return false;
            }

            count &= 0x1F;
            uint result = count == 0 ? value : operation(ref _state.Eflags, value, (int)count, d.Op0.Size);
            CompleteModify(d, d.Op0, result);
            return true;
        });

    private static uint ShiftFlags(uint flags, uint result, int size, uint carry, uint overflow)
        => flags & ~FlagBits.Arithmetic | Alu.ResultFlags(result, size) | carry & 1 | (overflow & 1) << 11;

    // OF for counts above 1 is undefined: computed as for count 1 from the final result, which is what hardware does.
    private static uint ShiftLeft(ref uint flags, uint value, int count, int size)
    {
        int bits = size * 8;
        ulong wide = (ulong)value << count;
        uint result = (uint)wide & Alu.Mask(size);
        uint carry = (uint)(wide >> bits) & 1;
        flags = ShiftFlags(flags, result, size, carry, result >> bits - 1 ^ carry);
        return result;
    }

    private static uint ShiftRight(ref uint flags, uint value, int count, int size)
    {
        uint result = (uint)((ulong)value >> count);
        uint carry = (uint)((ulong)value >> count - 1) & 1;
        flags = ShiftFlags(flags, result, size, carry, count == 1 ? value >> size * 8 - 1 : 0);
        return result;
    }

    private static uint ShiftRightArithmetic(ref uint flags, uint value, int count, int size)
    {
        int signed = SignExtend(value, size);
        uint result = (uint)(signed >> count) & Alu.Mask(size);
        flags = ShiftFlags(flags, result, size, (uint)(signed >> count - 1) & 1, 0);
        return result;
    }

    private static uint RotateFlags(uint flags, uint carry, uint overflow)
        => flags & ~(FlagBits.Cf | FlagBits.Of) | carry & 1 | (overflow & 1) << 11;

    private static uint RotateLeft(ref uint flags, uint value, int count, int size)
    {
        int bits = size * 8;
        int turn = count & bits - 1;
        uint result = turn == 0 ? value : (value << turn | value >> bits - turn) & Alu.Mask(size);
        flags = RotateFlags(flags, result, result >> bits - 1 ^ result);
        return result;
    }

    private static uint RotateRight(ref uint flags, uint value, int count, int size)
    {
        int bits = size * 8;
        int turn = count & bits - 1;
        uint result = turn == 0 ? value : (value >> turn | value << bits - turn) & Alu.Mask(size);
        flags = RotateFlags(flags, result >> bits - 1, result >> bits - 1 ^ result >> bits - 2);
        return result;
    }

    private static uint RotateCarryLeft(ref uint flags, uint value, int count, int size)
    {
        int bits = size * 8;
        int turn = count % (bits + 1);
        if (turn == 0)
        {
            flags = RotateFlags(flags, flags, value >> bits - 1 ^ flags);
            return value;
        }

        ulong wide = value | (ulong)(flags & 1) << bits;
        ulong turned = wide << turn | wide >> bits + 1 - turn;
        uint result = (uint)turned & Alu.Mask(size);
        uint carry = (uint)(turned >> bits) & 1;
        flags = RotateFlags(flags, carry, result >> bits - 1 ^ carry);
        return result;
    }

    private static uint RotateCarryRight(ref uint flags, uint value, int count, int size)
    {
        int bits = size * 8;
        int turn = count % (bits + 1);
        ulong wide = value | (ulong)(flags & 1) << bits;
        ulong turned = turn == 0 ? wide : wide >> turn | wide << bits + 1 - turn;
        uint result = (uint)turned & Alu.Mask(size);
        flags = RotateFlags(flags, (uint)(turned >> bits), result >> bits - 1 ^ result >> bits - 2);
        return result;
    }

    private bool ShiftDouble(DecodedInstruction d, bool left)
    {
        int size = d.Op0.Size;
        int bits = size * 8;
        uint countOperand = d.Op2.Kind == OperandKind.Immediate ? d.Immediate : Gpr(VcpuState.Ecx);
        int count = (int)(countOperand & 0x1F);
        if (!TryModifyOperand(d, d.Op0, out uint value))
        {
            return false;
        }

        uint fill = ReadRegister(d.Op1.Index, size);
        if (count == 0)
        {
            CompleteModify(d, d.Op0, value);
            return true;
        }

        // A 16-bit operand shifted by more than 16 is undefined; hardware goes on with the first operand's bits again.
        UInt128 wide = left
            ? ((UInt128)value << 2 * bits | (UInt128)fill << bits | value) << count
            : ((UInt128)value << 2 * bits | (UInt128)fill << bits | value) >> count;
        uint result = (uint)(left ? wide >> 2 * bits : wide) & Alu.Mask(size);
        uint carry = left
            ? (uint)(wide >> 3 * bits) & 1
            : (uint)((((UInt128)value << 2 * bits | (UInt128)fill << bits | value) >> count - 1) & 1);
        _state.Eflags = ShiftFlags(_state.Eflags, result, size, carry, (result ^ value) >> bits - 1);
        CompleteModify(d, d.Op0, result);
        return true;
    }
}
