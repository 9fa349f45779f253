// PUSH, POP and frames (SDM vol. 1, 6.2 and 6.6).
using Iced.Intel;

namespace Runtime.Engines.Interpreter;

public sealed partial class Cpu
{
    private void RegisterStack()
    {
        _handlers.On(Mnemonic.Push, Push);
        _handlers.Refine(Mnemonic.Push, d => d.Op0.Kind == OperandKind.Register32 ? PushRegister32 : null);
        _handlers.On(Mnemonic.Pop, Pop);
        _handlers.Refine(Mnemonic.Pop, d => d.Op0.Kind == OperandKind.Register32 ? PopRegister32 : null);
        _handlers.On(Mnemonic.Pusha, d => PushAll(2));
        _handlers.On(Mnemonic.Pushad, d => PushAll(4));
        _handlers.On(Mnemonic.Popa, d => PopAll(2));
        _handlers.On(Mnemonic.Popad, d => PopAll(4));
        _handlers.On(Mnemonic.Enter, Enter);
        _handlers.On(Mnemonic.Leave, Leave);
    }

    private bool PushRegister32(DecodedInstruction d) => TryPush(Gpr(d.Op0.Index), 4);

    private bool Push(DecodedInstruction d)
    {
        if (!TryReadOperand(d, d.Op0, out uint value))
        {
            return false;
        }

        return d.Op0.Kind == OperandKind.Segment ? TryPushSegment((SegmentIndex)d.Op0.Index, d.OperandSize) : TryPush(value, d.OperandSize);
    }

    /// <summary>Whether a segment register pushed as 32 bits is zero-extended to them, as by some makers' processors, or writes its 16 only, as by
    /// others' (SDM vol. 2, PUSH).</summary>
    public bool PushesWholeSelectors { get; set; }

    /// <summary>PUSH of a segment register.</summary>
    public bool TryPushSegment(SegmentIndex index, int size)
    {
        if (PushesWholeSelectors)
        {
            return TryPush(Segment(index).Selector, size);
        }

        uint sp = StackPointer - (uint)size & _stackMask;
        if (!TryWrite(SegmentIndex.Ss, sp, 2, Segment(index).Selector))
        {
            return false;
        }

        SetStackPointer(sp);
        return true;
    }

    /// <summary>POP of a segment register other than CS.</summary>
    public bool TryPopSegment(SegmentIndex index, int size)
    {
        uint sp = StackPointer;
        if (!TryPop(ref sp, size, out uint value))
        {
            return false;
        }

        // After the increment: the load may make the stack a 16-bit one.
        uint before = Gpr(VcpuState.Esp);
        SetStackPointer(sp);
        if (TryLoadSegment(index, (ushort)value))
        {
            return true;
        }

        Gpr(VcpuState.Esp) = before;
        return false;
    }

    private bool PopRegister32(DecodedInstruction d)
    {
        uint sp = StackPointer;
        if (!TryPop(ref sp, 4, out uint value))
        {
            return false;
        }

        SetStackPointer(sp);
        Gpr(d.Op0.Index) = value;
        return true;
    }

    private bool Pop(DecodedInstruction d)
    {
        if (d.Op0.Kind == OperandKind.Segment)
        {
            return TryPopSegment((SegmentIndex)d.Op0.Index, d.OperandSize);
        }

        uint sp = StackPointer;
        if (!TryPop(ref sp, d.OperandSize, out uint value))
        {
            return false;
        }

        // SDM vol. 2, POP: ESP as a base register counts after the increment.
        uint before = Gpr(VcpuState.Esp);
        SetStackPointer(sp);
        if (TryWriteOperand(d, d.Op0, value))
        {
            return true;
        }

        Gpr(VcpuState.Esp) = before;
        return false;
    }

    private bool PushAll(int size)
    {
        uint sp = StackPointer;
        for (int i = 0; i < 8; i++)
        {
            if (!TryPush(ref sp, Gpr(i), size))
            {
                return false;
            }
        }

        SetStackPointer(sp);
        return true;
    }

    private bool PopAll(int size)
    {
        Span<uint> values = stackalloc uint[8];
        uint sp = StackPointer;
        for (int i = 7; i >= 0; i--)
        {
            if (!TryPop(ref sp, size, out values[i]))
            {
                return false;
            }
        }

        for (int i = 0; i < 8; i++)
        {
            if (i != VcpuState.Esp)
            {
                WriteRegister(i, size, values[i]);
            }
        }

        SetStackPointer(sp);
        return true;
    }

    private bool Enter(DecodedInstruction d)
    {
        int size = d.OperandSize;
        int level = d.Immediate2 & 0x1F;
        uint sp = StackPointer;
        uint frame = Gpr(VcpuState.Ebp);
        if (!TryPush(ref sp, frame, size))
        {
            return false;
        }

        uint newFrame = sp;
        for (int i = 1; i < level; i++)
        {
            frame -= (uint)size;
            if (!TryRead(SegmentIndex.Ss, frame & _stackMask, size, out uint display) || !TryPush(ref sp, display, size))
            {
                return false;
            }
        }

        if (level > 0 && !TryPush(ref sp, newFrame, size))
        {
            return false;
        }

        sp -= d.Immediate & 0xFFFF;

        // SDM vol. 2, ENTER: the new top of stack is touched for writing, so that a page fault happens here.
        if (!TryModify(SegmentIndex.Ss, sp & _stackMask, size, out _))
        {
            return false;
        }

        WriteRegister(VcpuState.Ebp, size, newFrame);
        SetStackPointer(sp);
        return true;
    }

    private bool Leave(DecodedInstruction d)
    {
        uint sp = Gpr(VcpuState.Ebp) & _stackMask;
        if (!TryPop(ref sp, d.OperandSize, out uint value))
        {
            return false;
        }

        SetStackPointer(sp);
        WriteRegister(VcpuState.Ebp, d.OperandSize, value);
        return true;
    }
}
