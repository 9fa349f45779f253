// CPUID, the time-stamp counter and model-specific registers (SDM vol. 4; vol. 2, CPUID, RDMSR, RDTSC), SYSENTER and SYSEXIT.
using Iced.Intel;
using Runtime.Abi.Xen;

namespace Runtime.Engines.Interpreter;

public sealed partial class Cpu
{
    private const ulong PowerOnPat = 0x0007_0406_0007_0406;
    private ulong _pat = PowerOnPat;
    private ulong _miscEnable = 1;

    private void RegisterModelSpecific()
    {
        _handlers.On(Mnemonic.Cpuid, _ => TryIdentify());
        if (_model.Has(CpuFeatures.Tsc))
        {
            _handlers.On(Mnemonic.Rdtsc, _ => TryReadTimeStamp());
        }

        if (_model.Has(CpuFeatures.Msr))
        {
            _handlers.On(Mnemonic.Rdmsr, _ => TryReadModelSpecific());
            _handlers.On(Mnemonic.Wrmsr, _ => TryWriteModelSpecific());
        }

        _handlers.On(Mnemonic.Rdpmc, ReadPerformanceCounter);
        if (_model.Has(CpuFeatures.Sep))
        {
            _handlers.On(Mnemonic.Sysenter, SystemEnter);
            _handlers.On(Mnemonic.Sysexit, SystemExit);
        }
    }

    /// <summary>What RDTSC gives now.</summary>
    public ulong ReadTimeStamp() => TimeStamp;

    private ulong TimeStamp => _tsc.Read() + (ulong)_state.TscOffset;

    /// <summary>CPUID.</summary>
    public bool TryIdentify()
    {
        bool isFeatureLeaf = Gpr(VcpuState.Eax) == 1;
        CpuidLeaf leaf = Gpr(VcpuState.Eax) is CpuModel.TimeStampLeaf or CpuModel.FrequencyLeaf
            ? _model.RateLeaf(Gpr(VcpuState.Eax), _tsc.Frequency)
            : _model.Leaf(Gpr(VcpuState.Eax), Gpr(VcpuState.Ecx));
        Gpr(VcpuState.Eax) = leaf.Eax;
        Gpr(VcpuState.Ebx) = leaf.Ebx;
        Gpr(VcpuState.Ecx) = leaf.Ecx;
        Gpr(VcpuState.Edx) = isFeatureLeaf && ApicBase is { IsEnabled: true } ? leaf.Edx | (uint)CpuFeatures.Apic : leaf.Edx;
        return true;
    }

    private bool SetEdxEax(ulong value)
    {
        Gpr(VcpuState.Eax) = (uint)value;
        Gpr(VcpuState.Edx) = (uint)(value >> 32);
        return true;
    }

    /// <summary>RDTSC.</summary>
    public bool TryReadTimeStamp()
    {
        bool refused = _state.ProtectedMode && _state.Cpl != 0 && (_state.Cr4 & ControlRegisters.Cr4Tsd) != 0;
        return refused ? GeneralProtection() : SetEdxEax(TimeStamp);
    }

    /// <summary>No counter exists: any index is out of range, which is #GP.</summary>
    private bool ReadPerformanceCounter(DecodedInstruction d) => GeneralProtection();

    /// <summary>RDMSR.</summary>
    public bool TryReadModelSpecific()
    {
        if (!RequireRing0())
        {
            return false;
        }

        ulong? value = Gpr(VcpuState.Ecx) switch
        {
            ModelSpecific.TimeStampCounter => TimeStamp,
            ModelSpecific.TimeStampAdjust => _model.InvariantTimeStamp ? (ulong)_state.TscOffset : null,
            ModelSpecific.ApicBase => ApicBase?.Value,
            ModelSpecific.BiosSign => 0,
            ModelSpecific.ArchitecturalCapabilities => _model.ArchitecturalCapabilities is uint and not 0 ? _model.ArchitecturalCapabilities : null,
            ModelSpecific.PlatformId => 0,
            ModelSpecific.SysenterCs => _state.SysenterCs,
            ModelSpecific.SysenterEsp => _state.SysenterEsp,
            ModelSpecific.SysenterEip => _state.SysenterEip,
            ModelSpecific.MiscEnable => _miscEnable,
            ModelSpecific.Pat => _model.Has(CpuFeatures.Pat) ? _pat : null,
            ModelSpecific.Efer => _model.NoExecute ? _state.Efer : null,
            _ => null,
        };
        return value is { } known ? SetEdxEax(known) : GeneralProtection();
    }

    /// <summary>WRMSR.</summary>
    public bool TryWriteModelSpecific()
    {
        if (!RequireRing0())
        {
            return false;
        }

        ulong value = (ulong)Gpr(VcpuState.Edx) << 32 | Gpr(VcpuState.Eax);
        switch (Gpr(VcpuState.Ecx))
        {
            case ModelSpecific.TimeStampCounter:
                _state.TscOffset = (long)(value - _tsc.Read());
                return true;

            case ModelSpecific.TimeStampAdjust when _model.InvariantTimeStamp:
                // SDM vol. 3, 17.17.3: what it changes by, the counter changes by.
                _state.TscOffset = (long)value;
                return true;

            case ModelSpecific.BiosSign:
                return true;

            case ModelSpecific.ApicBase when ApicBase is { } register && register.TryWrite(value):
                return true;

            case ModelSpecific.SysenterCs:
                _state.SysenterCs = (uint)value;
                return true;

            case ModelSpecific.SysenterEsp:
                _state.SysenterEsp = (uint)value;
                return true;

            case ModelSpecific.SysenterEip:
                _state.SysenterEip = (uint)value;
                return true;

            case ModelSpecific.MiscEnable:
                _miscEnable = value;
                return true;

            case ModelSpecific.Pat when _model.Has(CpuFeatures.Pat) && IsValidPat(value):
                _pat = value;
                return true;

            case ModelSpecific.Efer when _model.NoExecute && (value & ~ControlRegisters.EferNxe) == 0:
                _state.Efer = value;
                FlushTlb();
                Observer?.TlbFlushed(true);
                return true;

            case XenCpuid.HypercallPageMsr when _model.HasXen:
                return TryFillHypercallPage(value);

            default:
                return GeneralProtection();
        }
    }

    /// <summary>SDM vol. 3, table 11-10: types 2 and 3 and those above 7 are reserved.</summary>
    private static bool IsValidPat(ulong value)
    {
        for (int i = 0; i < 8; i++, value >>= 8)
        {
            if ((value & 0xFF) is 2 or 3 or > 7)
            {
                return false;
            }
        }

        return true;
    }

    private static SegmentRegister FlatSegment(uint selector, int cpl, bool code)
        => new((ushort)(selector & 0xFFFC | (uint)cpl), 0, uint.MaxValue, (ushort)((code ? 0xC09B : 0xC093) | cpl << 5));

    private bool SystemEnter(DecodedInstruction d)
    {
        if (!_state.ProtectedMode || (_state.SysenterCs & 0xFFFC) == 0)
        {
            return GeneralProtection();
        }

        _state.Eflags &= ~(FlagBits.Vm | FlagBits.If | FlagBits.Rf);
        _state.Cpl = 0;
        SetSegment(SegmentIndex.Cs, FlatSegment(_state.SysenterCs, 0, true));
        SetSegment(SegmentIndex.Ss, FlatSegment(_state.SysenterCs + 8, 0, false));
        Gpr(VcpuState.Esp) = _state.SysenterEsp;
        _nextEip = _state.SysenterEip;
        return true;
    }

    private bool SystemExit(DecodedInstruction d)
    {
        if (!_protected || _state.Cpl != 0 || (_state.SysenterCs & 0xFFFC) == 0)
        {
            return GeneralProtection();
        }

        _state.Cpl = 3;
        SetSegment(SegmentIndex.Cs, FlatSegment(_state.SysenterCs + 16, 3, true));
        SetSegment(SegmentIndex.Ss, FlatSegment(_state.SysenterCs + 24, 3, false));
        Gpr(VcpuState.Esp) = Gpr(VcpuState.Ecx);
        _nextEip = Gpr(VcpuState.Edx);
        return true;
    }
}

/// <summary>Numbers of the model-specific registers that exist (SDM vol. 4, table 2-2).</summary>
internal static class ModelSpecific
{
    public const uint TimeStampCounter = 0x10, PlatformId = 0x17, ApicBase = 0x1B, TimeStampAdjust = 0x3B, BiosSign = 0x8B, SysenterCs = 0x174;
    public const uint ArchitecturalCapabilities = 0x10A, SysenterEsp = 0x175, SysenterEip = 0x176, MiscEnable = 0x1A0, Pat = 0x277, Efer = 0xC000_0080;
}
