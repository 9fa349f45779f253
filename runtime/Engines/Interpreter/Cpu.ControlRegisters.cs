// Control registers and the translation caches (SDM vol. 3, 2.5; vol. 2, MOV to CR).
using Iced.Intel;

namespace Runtime.Engines.Interpreter;

public sealed partial class Cpu
{
    private const uint Cr0Known = ControlRegisters.Cr0Pe | ControlRegisters.Cr0Mp | ControlRegisters.Cr0Em | ControlRegisters.Cr0Ts
        | ControlRegisters.Cr0Et | ControlRegisters.Cr0Ne | ControlRegisters.Cr0Wp | ControlRegisters.Cr0Am | ControlRegisters.Cr0Nw
        | ControlRegisters.Cr0Cd | ControlRegisters.Cr0Pg;

    private void RegisterControlRegisters()
    {
        _handlers.On(Code.Mov_r32_cr, d => TryReadControl(d.Op1.Index, out uint value) && SetGpr(d.Op0.Index, value));
        _handlers.On(Code.Mov_cr_r32, d => TryWriteControl(d.Op0.Index, Gpr(d.Op1.Index)));
        _handlers.On(Code.Mov_r32_dr, d => TryReadDebug(d.Op1.Index, out uint value) && SetGpr(d.Op0.Index, value));
        _handlers.On(Code.Mov_dr_r32, d => TryWriteDebug(d.Op0.Index, Gpr(d.Op1.Index)));
        _handlers.On(Mnemonic.Smsw, StoreMachineStatus);
        _handlers.On(Mnemonic.Lmsw, LoadMachineStatus);
        _handlers.On(Mnemonic.Clts, _ => TryClearTaskSwitched());
        _handlers.On(Mnemonic.Invlpg, d => TryInvalidatePage(d.Segment, EffectiveAddress(d)));
        _handlers.On(Mnemonic.Invd, _ => TryFlushCaches());
        _handlers.On(Mnemonic.Wbinvd, _ => TryFlushCaches());
    }

    /// <summary>MOV from a control register.</summary>
    public bool TryReadControl(int number, out uint value)
    {
        uint? found = number switch
        {
            0 => _state.Cr0,
            2 => _state.Cr2,
            3 => _state.Cr3,
            4 => _state.Cr4,
            _ => null,
        };
        value = found ?? 0;
        return RequireRing0() && (found is not null || InvalidOpcode());
    }

    /// <summary>MOV to a control register.</summary>
    public bool TryWriteControl(int number, uint value)
    {
        if (!RequireRing0())
        {
            return false;
        }

        switch (number)
        {
            case 0:
                return TryWriteCr0(value);

            case 2:
                _state.Cr2 = value;
                return true;

            case 3:
                return TryWriteCr3(value);

            case 4:
                return TryWriteCr4(value);

            default:
                return InvalidOpcode();
        }
    }

    private bool TryWriteCr0(uint value)
    {
        uint before = _state.Cr0;
        bool badPaging = (value & (ControlRegisters.Cr0Pg | ControlRegisters.Cr0Pe)) == ControlRegisters.Cr0Pg;
        bool badCache = (value & (ControlRegisters.Cr0Nw | ControlRegisters.Cr0Cd)) == ControlRegisters.Cr0Nw;
        if (badPaging || badCache)
        {
            return GeneralProtection();
        }

        value = value & Cr0Known | ControlRegisters.Cr0Et;
        if ((value & ~before & ControlRegisters.Cr0Pg) != 0 && (_state.Cr4 & ControlRegisters.Cr4Pae) != 0 && !HasValidPointers(_state.Cr3))
        {
            return GeneralProtection();
        }

        _state.Cr0 = value;
        uint changed = before ^ value;
        if ((changed & ControlRegisters.Cr0Pe) != 0)
        {
            // CPL is 0 on both sides of the switch; CS keeps its cache until the next far transfer (SDM vol. 3, 9.9).
            _state.Cpl = 0;
        }

        if ((changed & (ControlRegisters.Cr0Pg | ControlRegisters.Cr0Wp | ControlRegisters.Cr0Pe)) != 0)
        {
            FlushTlb();
            Observer?.TlbFlushed(true);
        }

        Refresh();
        Observer?.ControlRegisterWritten(0, before, value);
        return true;
    }

    /// <summary>SDM vol. 3, 4.4.1: reserved bits of the page-directory-pointer table are checked when CR3 is loaded.</summary>
    private bool HasValidPointers(uint cr3)
    {
        for (uint i = 0; i < 4; i++)
        {
            ulong pointer = _memory.Read64((cr3 & 0xFFFF_FFE0) + i * 8);
            if ((pointer & 1) != 0 && (pointer & 0xFFFF_FFF0_0000_01E6) != 0)
            {
                return false;
            }
        }

        return true;
    }

    private bool TryWriteCr3(uint value)
    {
        uint before = _state.Cr3;
        if (_state.PagingEnabled && (_state.Cr4 & ControlRegisters.Cr4Pae) != 0 && !HasValidPointers(value))
        {
            return GeneralProtection();
        }

        _state.Cr3 = value;
        FlushTlb();
        Observer?.ControlRegisterWritten(3, before, value);
        Observer?.TlbFlushed(false);
        return true;
    }

    /// <summary>The bits of CR4 that this model has.</summary>
    private uint Cr4Known
        => ControlRegisters.Cr4Tsd | ControlRegisters.Cr4Pce | ControlRegisters.Cr4Osxmmexcpt * (_model.Has(CpuFeatures.Sse) ? 1u : 0)
            | ControlRegisters.Cr4Osfxsr * (_model.Has(CpuFeatures.Fxsr) ? 1u : 0)
            | (_model.Has(CpuFeatures.Vme) ? ControlRegisters.Cr4Vme | ControlRegisters.Cr4Pvi : 0)
            | (_model.Has(CpuFeatures.De) ? ControlRegisters.Cr4De : 0)
            | (_model.Has(CpuFeatures.Pse) ? ControlRegisters.Cr4Pse : 0)
            | (_model.Has(CpuFeatures.Pae) ? ControlRegisters.Cr4Pae : 0)
            | (_model.Has(CpuFeatures.Pge) ? ControlRegisters.Cr4Pge : 0)
            | ControlRegisters.Cr4Mce;

    private bool TryWriteCr4(uint value)
    {
        uint before = _state.Cr4;
        uint changed = before ^ value;
        if ((value & ~Cr4Known) != 0)
        {
            return GeneralProtection();
        }

        if ((changed & ControlRegisters.Cr4Pae) != 0 && (value & ControlRegisters.Cr4Pae) != 0 && _state.PagingEnabled
            && !HasValidPointers(_state.Cr3))
        {
            return GeneralProtection();
        }

        _state.Cr4 = value;
        if ((changed & (ControlRegisters.Cr4Pse | ControlRegisters.Cr4Pae | ControlRegisters.Cr4Pge)) != 0)
        {
            FlushTlb();
            Observer?.TlbFlushed(true);
        }

        Observer?.ControlRegisterWritten(4, before, value);
        return true;
    }

    /// <summary>SMSW.</summary>
    public bool TryReadMachineStatus(out uint value)
    {
        value = _state.Cr0;
        return RequireNoUserModePrevention();
    }

    private bool StoreMachineStatus(DecodedInstruction d)
    {
        if (!TryReadMachineStatus(out uint status))
        {
            return false;
        }

        // SDM vol. 2, SMSW: a 32-bit register gets all of CR0 on processors of this family.
        if (d.Op0.IsMemory)
        {
            return TryWrite(d.Segment, EffectiveAddress(d), 2, status & 0xFFFF);
        }

        WriteRegister(d.Op0.Index, d.Op0.Size, status);
        return true;
    }

    private bool LoadMachineStatus(DecodedInstruction d)
        => RequireRing0() && TryReadSelectorOperand(d, d.Op0, out ushort value) && TryLoadMachineStatus(value);

    /// <summary>LMSW. PE can be set but not cleared.</summary>
    public bool TryLoadMachineStatus(ushort value) => RequireRing0() && TryWriteCr0(_state.Cr0 & ~0xEu | value & 0xFu);

    /// <summary>CLTS.</summary>
    public bool TryClearTaskSwitched()
    {
        if (!RequireRing0())
        {
            return false;
        }

        uint before = _state.Cr0;
        _state.Cr0 &= ~ControlRegisters.Cr0Ts;
        if (before != _state.Cr0)
        {
            Observer?.ControlRegisterWritten(0, before, _state.Cr0);
        }

        return true;
    }

    /// <summary>WBINVD, INVD: caches are coherent here.</summary>
    public bool TryFlushCaches() => RequireRing0();

    /// <summary>INVLPG.</summary>
    public bool TryInvalidatePage(SegmentIndex segment, uint offset)
    {
        if (!RequireRing0())
        {
            return false;
        }

        uint linear = Segment(segment).Base + offset;
        InvalidatePage(linear);
        Observer?.PageInvalidated(linear);
        return true;
    }
}
