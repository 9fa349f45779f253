// Loading segment registers and the tables they come from (SDM vol. 3, 3.4 and 5.5; vol. 2, MOV and POP).
using Iced.Intel;

namespace Runtime.Engines.Interpreter;

public sealed partial class Cpu
{
    /// <summary>MOV SS or POP SS was just executed: debug traps wait, too (SDM vol. 3, 6.8.3).</summary>
    private bool _stackShadow;

    private void RegisterSegments()
    {
        foreach (Code code in (ReadOnlySpan<Code>)[Code.Mov_Sreg_rm16, Code.Mov_Sreg_r32m16])
        {
            _handlers.On(code, MoveToSegment);
        }

        _handlers.On(Mnemonic.Lds, d => LoadFarPointer(d, SegmentIndex.Ds));
        _handlers.On(Mnemonic.Les, d => LoadFarPointer(d, SegmentIndex.Es));
        _handlers.On(Mnemonic.Lfs, d => LoadFarPointer(d, SegmentIndex.Fs));
        _handlers.On(Mnemonic.Lgs, d => LoadFarPointer(d, SegmentIndex.Gs));
        _handlers.On(Mnemonic.Lss, d => LoadFarPointer(d, SegmentIndex.Ss));
    }

    private bool MoveToSegment(DecodedInstruction d)
    {
        var index = (SegmentIndex)d.Op0.Index;
        if (index == SegmentIndex.Cs)
        {
            return InvalidOpcode();
        }

        uint selector;
        if (d.Op1.IsMemory)
        {
            if (!TryRead(d.Segment, EffectiveAddress(d), 2, out selector))
            {
                return false;
            }
        }
        else
        {
            selector = Gpr(d.Op1.Index);
        }

        return TryLoadSegment(index, (ushort)selector);
    }

    private bool LoadFarPointer(DecodedInstruction d, SegmentIndex index)
    {
        int size = d.Op0.Size;
        uint address = EffectiveAddress(d);
        if (!TryRead(d.Segment, address, size, out uint offset)
            || !TryRead(d.Segment, address + (uint)size & d.AddressMask, 2, out uint selector)
            || !TryLoadSegment(index, (ushort)selector))
        {
            return false;
        }

        _state.InterruptShadow = _stackShadow = false;
        WriteRegister(d.Op0.Index, size, offset);
        return true;
    }

    /// <summary>Reads a descriptor from the GDT or LDT with supervisor privilege.</summary>
    /// <param name="vector">What to raise when the selector is beyond the table.</param>
    /// <param name="ext">1 while an event is delivered (SDM vol. 3, 6.13).</param>
    private bool TryReadDescriptor(ushort selector, byte vector, uint ext, out Descriptor descriptor, out uint address)
    {
        uint offset = selector & 0xFFF8u;
        bool local = (selector & 4) != 0;
        uint limit = !local ? _state.Gdtr.Limit : _state.Ldtr.IsUsable ? _state.Ldtr.Limit : 0;
        address = (local ? _state.Ldtr.Base : _state.Gdtr.Base) + offset;
        descriptor = default;
        if (offset + 7 > limit)
        {
            return RecordFault(vector, selector & 0xFFFCu | ext);
        }

        if (!TryReadLinear(address, 4, false, out uint low) || !TryReadLinear(address + 4, 4, false, out uint high))
        {
            return false;
        }

        descriptor = new Descriptor((ulong)high << 32 | low);
        return true;
    }

    /// <summary>Sets the accessed bit of a code or data descriptor, in memory and in the copy.</summary>
    private bool TryMarkAccessed(uint address, ref Descriptor descriptor)
    {
        if ((descriptor.Type & 1) == 0)
        {
            descriptor = new Descriptor(descriptor.Raw | 1ul << 40);
            return TryWriteLinear(address + 5, 1, descriptor.High >> 8 & 0xFF, false);
        }

        return true;
    }

    private void SetSegment(SegmentIndex index, in SegmentRegister value)
    {
        Segment(index) = value;
        Refresh();
        Observer?.SegmentLoaded(index);
    }

    private static SegmentRegister Virtual8086Segment(ushort selector) => new(selector, (uint)selector << 4, 0xFFFF, 0x00F3);

    /// <summary>A load in real mode changes selector and base; limit and attributes stay what they were (SDM vol. 3, 20.1.2).</summary>
    private SegmentRegister RealModeSegment(SegmentIndex index, ushort selector)
    {
        if (_state.Virtual8086)
        {
            return Virtual8086Segment(selector);
        }

        ref SegmentRegister s = ref Segment(index);
        return s.IsUsable
            ? s with { Selector = selector, Base = (uint)selector << 4 }
            : new SegmentRegister(selector, (uint)selector << 4, 0xFFFF, 0x0093);
    }

    /// <summary>MOV or POP to a segment register other than CS.</summary>
    public bool TryLoadSegment(SegmentIndex index, ushort selector)
    {
        if (!_protected)
        {
            SetSegment(index, RealModeSegment(index, selector));
        }
        else if (index == SegmentIndex.Ss)
        {
            if (!TryCheckStackSegment(selector, _state.Cpl, ExceptionVector.GeneralProtection, 0, out SegmentRegister stack))
            {
                return false;
            }

            SetSegment(index, stack);
        }
        else if (!TryLoadData(index, selector))
        {
            return false;
        }

        if (index == SegmentIndex.Ss)
        {
            _state.InterruptShadow = _stackShadow = _attention = true;
        }

        return true;
    }

    private bool TryLoadData(SegmentIndex index, ushort selector, byte vector = ExceptionVector.GeneralProtection)
    {
        if (selector < 4)
        {
            SetSegment(index, new SegmentRegister(selector, 0, 0, 0));
            return true;
        }

        if (!TryReadDescriptor(selector, vector, 0, out Descriptor d, out uint address))
        {
            return false;
        }

        int rpl = selector & 3;
        if (!d.IsReadable || (!d.IsConforming && (rpl > d.Dpl || _state.Cpl > d.Dpl)))
        {
            return RecordFault(vector, selector & 0xFFFCu);
        }

        if (!d.IsPresent)
        {
            return RecordFault(ExceptionVector.SegmentNotPresent, selector & 0xFFFCu);
        }

        if (!TryMarkAccessed(address, ref d))
        {
            return false;
        }

        SetSegment(index, d.ToRegister(selector));
        return true;
    }

    /// <summary>Checks of a selector for SS at a privilege level: MOV SS (#GP), stack switches and task switches (#TS).</summary>
    private bool TryCheckStackSegment(ushort selector, int cpl, byte vector, uint ext, out SegmentRegister stack)
    {
        stack = default;
        uint error = selector & 0xFFFCu | ext;
        if (selector < 4)
        {
            return RecordFault(vector, ext);
        }

        if (!TryReadDescriptor(selector, vector, ext, out Descriptor d, out uint address))
        {
            return false;
        }

        if ((selector & 3) != cpl || !d.IsWritableData || d.Dpl != cpl)
        {
            return RecordFault(vector, error);
        }

        if (!d.IsPresent)
        {
            return RecordFault(ExceptionVector.StackFault, error);
        }

        if (!TryMarkAccessed(address, ref d))
        {
            return false;
        }

        stack = d.ToRegister(selector);
        return true;
    }

    /// <summary>After a return to an outer level, what only the inner one may use is made unusable (SDM vol. 2, RET).</summary>
    private void DropInnerSegments()
    {
        foreach (SegmentIndex index in (ReadOnlySpan<SegmentIndex>)[SegmentIndex.Es, SegmentIndex.Ds, SegmentIndex.Fs, SegmentIndex.Gs])
        {
            ref SegmentRegister s = ref Segment(index);
            bool conforming = (s.Type & 0xC) == 0xC;
            if (s.IsUsable && !conforming && s.Dpl < _state.Cpl)
            {
                s = default;
                Observer?.SegmentLoaded(index);
            }
        }

        Refresh();
    }
}
