// System segments and instructions that look at descriptors (SDM vol. 3, 2.4, 5.10).
using Iced.Intel;

namespace Runtime.Engines.Interpreter;

public sealed partial class Cpu
{
    private void RegisterProtection()
    {
        _handlers.On(Mnemonic.Lgdt, d => TryLoadTable(d.Segment, EffectiveAddress(d), d.AddressMask, d.IsOperand32, ref _state.Gdtr));
        _handlers.On(Mnemonic.Lidt, d => TryLoadTable(d.Segment, EffectiveAddress(d), d.AddressMask, d.IsOperand32, ref _state.Idtr));
        _handlers.On(Mnemonic.Sgdt, d => TryStoreTable(d.Segment, EffectiveAddress(d), _state.Gdtr));
        _handlers.On(Mnemonic.Sidt, d => TryStoreTable(d.Segment, EffectiveAddress(d), _state.Idtr));
        _handlers.On(Mnemonic.Sldt, d => StoreSelector(d, _state.Ldtr.Selector));
        _handlers.On(Mnemonic.Str, d => StoreSelector(d, _state.Tr.Selector));
        _handlers.On(Mnemonic.Lldt, d => RequireProtected() && RequireRing0() && TryReadSelectorOperand(d, d.Op0, out ushort selector) && TryLoadLdtr(selector));
        _handlers.On(Mnemonic.Ltr, d => RequireProtected() && RequireRing0() && TryReadSelectorOperand(d, d.Op0, out ushort selector) && TryLoadTaskRegister(selector));
        _handlers.On(Mnemonic.Lar, d => Probe(d, LoadAccessRights));
        _handlers.On(Mnemonic.Lsl, d => Probe(d, LoadSegmentLimit));
        _handlers.On(Mnemonic.Verr, d => RequireProtected() && TryReadSelectorOperand(d, d.Op0, out ushort selector) && TryVerify(selector, false));
        _handlers.On(Mnemonic.Verw, d => RequireProtected() && TryReadSelectorOperand(d, d.Op0, out ushort selector) && TryVerify(selector, true));
        _handlers.On(Mnemonic.Arpl, AdjustRequestedLevel);
    }

    private bool RequireRing0() => _state.Cpl == 0 || GeneralProtection();

    private bool RequireNoUserModePrevention()
        => _state.Cpl == 0 || (_state.Cr4 & ControlRegisters.Cr4Umip) == 0 || GeneralProtection();

    private bool RequireProtected() => _protected || InvalidOpcode();

    private bool TryLoadTable(SegmentIndex segment, uint address, uint addressMask, bool isOperand32, ref TableRegister table)
    {
        if (!RequireRing0() || !TryRead(segment, address, 2, out uint limit)
            || !TryRead(segment, address + 2 & addressMask, 4, out uint at))
        {
            return false;
        }

        table = new TableRegister(isOperand32 ? at : at & 0xFF_FFFF, (ushort)limit);
        return true;
    }

    private bool TryStoreTable(SegmentIndex segment, uint offset, TableRegister table)
    {
        if (!RequireNoUserModePrevention())
        {
            return false;
        }

        // SDM vol. 2, SGDT: 6 bytes, with all 32 bits of the base on every 386 and later.
        Span<byte> bytes = stackalloc byte[6];
        BitConverter.TryWriteBytes(bytes, table.Limit);
        BitConverter.TryWriteBytes(bytes[2..], table.Base);
        return TryWriteBytes(segment, offset, bytes);
    }

    private bool StoreSelector(DecodedInstruction d, ushort selector) => TryPermitSystemSelector() && StoreWord(d, selector);

    /// <summary>Whether SLDT and STR are allowed here.</summary>
    public bool TryPermitSystemSelector() => RequireProtected() && RequireNoUserModePrevention();

    /// <summary>A 16-bit result: memory takes 2 bytes, a 32-bit register is zero-extended.</summary>
    private bool StoreWord(DecodedInstruction d, uint value)
    {
        if (d.Op0.IsMemory)
        {
            return TryWrite(d.Segment, EffectiveAddress(d), 2, value & 0xFFFF);
        }

        WriteRegister(d.Op0.Index, d.Op0.Size, value);
        return true;
    }

    private bool TryReadSelectorOperand(DecodedInstruction d, Operand o, out ushort selector)
    {
        bool ok = TryReadSelector(d, o, out uint value);
        selector = (ushort)value;
        return ok;
    }

    private bool TryReadSelector(DecodedInstruction d, Operand o, out uint value)
    {
        if (o.IsMemory)
        {
            return TryRead(d.Segment, EffectiveAddress(d), 2, out value);
        }

        value = Gpr(o.Index) & 0xFFFF;
        return true;
    }

    /// <summary>LLDT.</summary>
    public bool TryLoadLdtr(ushort selector)
        => RequireProtected() && RequireRing0() && TryLoadLocalTable(selector, ExceptionVector.GeneralProtection);

    private bool TryLoadLocalTable(ushort selector, byte vector)
    {
        uint error = selector & 0xFFFCu;
        if (selector < 4)
        {
            _state.Ldtr = new SegmentRegister(selector, 0, 0, 0);
            return true;
        }

        if ((selector & 4) != 0)
        {
            return RecordFault(vector, error);
        }

        if (!TryReadDescriptor(selector, vector, 0, out Descriptor table, out _))
        {
            return false;
        }

        if (!table.IsSystem || table.Type != SystemType.Ldt)
        {
            return RecordFault(vector, error);
        }

        if (!table.IsPresent)
        {
            return RecordFault(vector == ExceptionVector.InvalidTss ? vector : ExceptionVector.SegmentNotPresent, error);
        }

        _state.Ldtr = table.ToRegister(selector);
        return true;
    }

    /// <summary>LTR.</summary>
    public bool TryLoadTaskRegister(ushort selector)
    {
        if (!RequireProtected() || !RequireRing0())
        {
            return false;
        }

        uint error = selector & 0xFFFCu;
        if (selector < 4 || (selector & 4) != 0)
        {
            return RecordFault(ExceptionVector.GeneralProtection, error);
        }

        if (!TryReadDescriptor(selector, ExceptionVector.GeneralProtection, 0, out Descriptor tss, out uint at))
        {
            return false;
        }

        if (!tss.IsSystem || tss.Type is not (SystemType.Tss16 or SystemType.Tss32))
        {
            return RecordFault(ExceptionVector.GeneralProtection, error);
        }

        if (!tss.IsPresent)
        {
            return RecordFault(ExceptionVector.SegmentNotPresent, error);
        }

        if (!TryWriteLinear(at + 5, 1, tss.High >> 8 & 0xFF | 2, false))
        {
            return false;
        }

        _state.Tr = tss.ToRegister(selector) with { Attributes = (ushort)(tss.Attributes | 2) };
        return true;
    }

    private void SetZero(bool zero) => _state.Eflags = zero ? _state.Eflags | FlagBits.Zf : _state.Eflags & ~FlagBits.Zf;

    /// <summary>Reads a descriptor without faulting on a bad selector. False: fault; a null descriptor: not accessible.</summary>
    private bool TryInspect(ushort selector, out Descriptor? descriptor)
    {
        descriptor = null;
        if (selector < 4)
        {
            return true;
        }

        if (!TryReadDescriptor(selector, ExceptionVector.GeneralProtection, 0, out Descriptor found, out _))
        {
            bool beyondTable = _faultVector == ExceptionVector.GeneralProtection;
            _faultVector = beyondTable ? -1 : _faultVector;
            return beyondTable;
        }

        descriptor = found;
        return true;
    }

    private bool IsVisible(Descriptor d, ushort selector) => d.IsConforming || (d.Dpl >= _state.Cpl && d.Dpl >= (selector & 3));

    private bool Probe(DecodedInstruction d, Func<Descriptor, uint?> result)
    {
        if (!_protected)
        {
            return InvalidOpcode();
        }

        if (!TryReadSelectorOperand(d, d.Op1, out ushort selector) || !TryInspect(selector, out Descriptor? descriptor))
        {
            return false;
        }

        uint? value = descriptor is { } found && IsVisible(found, selector) ? result(found) : null;
        if (value is { } v)
        {
            WriteRegister(d.Op0.Index, d.Op0.Size, v);
        }

        SetZero(value is not null);
        return true;
    }

    // SDM vol. 2, table 3-52: gates and interrupt descriptors are invalid for LAR.
    private static uint? LoadAccessRights(Descriptor d)
        => d.IsSystem && d.Type is 0 or 6 or 7 or 8 or 10 or 13 or 14 or 15 && d.IsSystem ? null : d.High & 0x00FF_FF00;

    private static uint? LoadSegmentLimit(Descriptor d)
        => d.IsSystem && d.Type is not (SystemType.Tss16 or SystemType.Ldt or SystemType.BusyTss16 or SystemType.Tss32 or SystemType.BusyTss32)
            ? null
            : d.Limit;

    /// <summary>VERR, VERW.</summary>
    public bool TryVerify(ushort selector, bool write)
    {
        if (!RequireProtected() || !TryInspect(selector, out Descriptor? descriptor))
        {
            return false;
        }

        bool isGood = descriptor is { } found && IsVisible(found, selector) && (write ? found.IsWritableData : found.IsReadable);
        SetZero(isGood);
        if (isGood && write)
        {
            Observer?.SegmentVerified(descriptor!.Value.ToRegister(selector));
        }

        return true;
    }

    private bool AdjustRequestedLevel(DecodedInstruction d)
    {
        if (!_protected)
        {
            return InvalidOpcode();
        }

        uint selector;
        if (d.Op0.IsMemory)
        {
            if (!TryModify(d.Segment, EffectiveAddress(d), 2, out selector))
            {
                return false;
            }
        }
        else
        {
            selector = Gpr(d.Op0.Index) & 0xFFFF;
        }

        uint wanted = Gpr(d.Op1.Index) & 3;
        bool adjust = (selector & 3) < wanted;
        uint value = adjust ? selector & ~3u | wanted : selector;
        if (d.Op0.IsMemory)
        {
            CompleteModify(2, value);
        }
        else
        {
            WriteRegister(d.Op0.Index, 2, value);
        }

        SetZero(adjust);
        return true;
    }
}
