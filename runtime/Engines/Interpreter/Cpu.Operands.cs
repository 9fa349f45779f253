// Operands: effective addresses, registers of all widths, the stack.
using System.Runtime.CompilerServices;

namespace Runtime.Engines.Interpreter;

public sealed partial class Cpu
{
    private uint _stackMask;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private uint EffectiveAddress(DecodedInstruction d)
    {
        uint address = d.Form switch
        {
            AddressForm.Base => Gpr(d.Base) + d.Displacement,
            AddressForm.BaseIndex => Gpr(d.Base) + (Gpr(d.Index) << d.Scale) + d.Displacement,
            AddressForm.Index => (Gpr(d.Index) << d.Scale) + d.Displacement,
            _ => d.Displacement,
        };
        return address & d.AddressMask;
    }

    private uint ReadRegister8(int index) => Gpr(index & 3) >> (index >> 2) * 8 & 0xFF;

    private void WriteRegister8(int index, uint value)
    {
        int shift = (index >> 2) * 8;
        ref uint register = ref Gpr(index & 3);
        register = register & ~(0xFFu << shift) | (value & 0xFF) << shift;
    }

    private uint ReadRegister(int index, int size) => size switch { 4 => Gpr(index), 2 => Gpr(index) & 0xFFFF, _ => ReadRegister8(index) };

    private void WriteRegister(int index, int size, uint value)
    {
        switch (size)
        {
            case 4:
                Gpr(index) = value;
                break;

            case 2:
                Gpr(index) = Gpr(index) & 0xFFFF_0000 | value & 0xFFFF;
                break;

            default:
                WriteRegister8(index, value);
                break;
        }
    }

    private bool TryReadOperand(DecodedInstruction d, Operand o, out uint value)
    {
        switch (o.Kind)
        {
            case OperandKind.Register32:
                value = Gpr(o.Index);
                return true;

            case OperandKind.Register16:
                value = Gpr(o.Index) & 0xFFFF;
                return true;

            case OperandKind.Register8:
                value = ReadRegister8(o.Index);
                return true;

            case OperandKind.Memory:
                return TryRead(d.Segment, EffectiveAddress(d), o.Size, out value);

            case OperandKind.Segment:
                value = _state.Segments[o.Index].Selector;
                return true;

            default:
                value = d.Immediate;
                return true;
        }
    }

    private bool TryWriteOperand(DecodedInstruction d, Operand o, uint value)
    {
        if (o.Kind == OperandKind.Memory)
        {
            return TryWrite(d.Segment, EffectiveAddress(d), o.Size, value);
        }

        WriteRegister(o.Index, o.Size, value);
        return true;
    }

    /// <summary>Reads an operand that <see cref="CompleteModify(DecodedInstruction, Operand, uint)"/> writes next.</summary>
    private bool TryModifyOperand(DecodedInstruction d, Operand o, out uint value)
        => o.Kind == OperandKind.Memory
            ? TryModify(d.Segment, EffectiveAddress(d), o.Size, out value)
            : TryReadOperand(d, o, out value);

    private void CompleteModify(DecodedInstruction d, Operand o, uint value)
    {
        if (o.Kind == OperandKind.Memory)
        {
            CompleteModify(o.Size, value);
        }
        else
        {
            WriteRegister(o.Index, o.Size, value);
        }
    }

    private uint StackPointer => Gpr(VcpuState.Esp) & _stackMask;

    private void SetStackPointer(uint value)
    {
        ref uint esp = ref Gpr(VcpuState.Esp);
        esp = esp & ~_stackMask | value & _stackMask;
    }

    private bool TryPush(uint value, int size)
    {
        uint sp = StackPointer;
        if (!TryPush(ref sp, value, size))
        {
            return false;
        }

        SetStackPointer(sp);
        return true;
    }

    /// <summary>Pushes below a stack pointer that the caller commits when all of its pushes went well.</summary>
    private bool TryPush(ref uint sp, uint value, int size)
    {
        uint next = sp - (uint)size & _stackMask;
        if (!TryWrite(SegmentIndex.Ss, next, size, value))
        {
            return false;
        }

        sp = next;
        return true;
    }

    private bool TryPop(ref uint sp, int size, out uint value)
    {
        if (!TryRead(SegmentIndex.Ss, sp, size, out value))
        {
            return false;
        }

        sp = sp + (uint)size & _stackMask;
        return true;
    }
}
