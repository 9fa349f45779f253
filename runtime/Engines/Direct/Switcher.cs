// The monitor's side of the switcher: tells it what to expect, learns from what it did, and takes over when it is interrupted.
using Runtime.Abi;
using Runtime.Engines.Interpreter;
using Runtime.Engines.Patched;
using Runtime.Memory;

namespace Runtime.Engines.Direct;

/// <summary>What became of a switch that was interrupted in the middle.</summary>
internal enum SwitchState
{
    /// <summary>It has not happened: the state is that before the instruction at the site, whose index is in the window.</summary>
    NotYet,

    /// <summary>It has happened: the state is that after it.</summary>
    Done,
}

/// <summary>Fast system calls and returns of one virtual CPU in para mode.</summary>
internal sealed class Switcher(VcpuState state, Cpu cpu, GuestMemory memory)
{
    private const uint Never = uint.MaxValue;
    private const int Gate32 = 0xE, Trap32 = 0xF;

    private SwitcherCode _code = SwitcherCode.None;
    private WindowMemory _window = null!;
    private SegmentRegister _kernelCs, _kernelSs, _userCs, _userSs;
    private TableRegister _gdtr, _idtr;
    private uint _taskBase;
    private bool _isArmed;
    private bool _isOpen;

    /// <summary>Writes the code into a new window.</summary>
    public void Install(WindowMemory window, StubFeatures features)
    {
        _window = window;
        _isOpen = features.HasProtectionKeys;
        _code = SwitcherCode.None;
        window.CloseSwitcher();
        if (_isOpen)
        {
            _code = new SwitcherEmitter(window.Base, StubContext.Pkru(features, 0), StubContext.Pkru(features, 3)).Emit();
            _code.EnterBytes.CopyTo(window.Bytes(window.Base + MonitorWindow.EnterOffset, _code.EnterBytes.Length));
            _code.LeaveBytes.CopyTo(window.Bytes(window.Base + MonitorWindow.LeaveOffset, _code.LeaveBytes.Length));
            _code.FaultBytes.CopyTo(window.Bytes(window.Base + MonitorWindow.FaultOffset, _code.FaultBytes.Length));
        }

        Disarm();
        ForgetReturns();
    }

    /// <summary>Whether IRET is to go by the gate.</summary>
    public void WantReturn(bool isWanted) => _window[SwitcherLayout.ReturnWanted] = isWanted ? SwitcherLayout.Wanted : 0;

    /// <summary>Whether an address is in the switcher.</summary>
    public bool Covers(uint address)
        => address - _window.Base - MonitorWindow.EnterOffset < MonitorWindow.SwitcherEnd - MonitorWindow.EnterOffset;

    /// <summary>Tells the switcher what it needs of the processor, before the guest runs.</summary>
    /// <param name="wantsReturn">Whether IRET is to go by the gate.</param>
    public void Publish(bool wantsReturn)
    {
        Span<uint> fields = _window.Fields;
        WantReturn(wantsReturn);
        fields[(int)MonitorWindow.Data.Cpl / 4] = state.Cpl;
        fields[(int)MonitorWindow.Data.Iopl / 4] = state.Eflags & FlagBits.Iopl;
        for (int i = 0; i < 6; i++)
        {
            fields[((int)MonitorWindow.Data.SegmentIsUser / 4) + i] = SurvivesReturn(state.Segments[i]) ? 1u : 0;
        }

        if (_isArmed && (state.Gdtr != _gdtr || state.Idtr != _idtr || state.Tr.Base != _taskBase))
        {
            Disarm();
        }
    }

    /// <summary>Whether IRET to user mode leaves a data segment register as it is (SDM vol. 2, IRET).</summary>
    public static bool SurvivesReturn(in SegmentRegister segment)
        => !segment.IsUsable || segment.Dpl == 3 || ((segment.Type & 0xC) == 0xC);

    /// <summary>Takes over the changes of privilege that the switcher made since the guest was entered.</summary>
    /// <returns>Whether the last one was a change.</returns>
    public bool Collect()
    {
        uint cpl = _window[MonitorWindow.Data.Cpl];
        if (!_isArmed || cpl == state.Cpl || cpl is not (0 or 3))
        {
            return false;
        }

        SetLevel((byte)cpl);
        return true;
    }

    /// <summary>Learns the way into the kernel from an INT n of a user that the interpreter has just performed.</summary>
    /// <param name="userCs">CS before it.</param>
    /// <param name="userSs">SS before it.</param>
    public void Learn(byte vector, SegmentRegister userCs, SegmentRegister userSs)
    {
        SegmentRegister kernelCs = state.Segments[(int)SegmentIndex.Cs], kernelSs = state.Segments[(int)SegmentIndex.Ss];
        uint gate = state.Idtr.Base + (vector * 8u);
        bool plain = _isOpen && state.Cpl == 0 && state.Tr.Type is 9 or 11 && !state.Virtual8086
            && kernelCs.IsFlat && kernelCs.Is32Bit && kernelSs.IsFlat && userCs.IsFlat && userCs.Is32Bit && userSs.IsFlat
            && TryRead(gate, out uint gateLow, out uint gateHigh) && (int)(gateHigh >> 8 & 0x1F) is Gate32 or Trap32
            // The INT went through this gate, not through that of the #GP which a gate of DPL 0 raises.
            && (gateHigh >> 13 & 3) == 3 && state.Eip == ((gateHigh & 0xFFFF_0000) | (gateLow & 0xFFFF))
            && TryLearn(SwitcherLayout.GateDescriptor, gate)
            && TryLearn(SwitcherLayout.KernelCsDescriptor, state.Gdtr.Base + (kernelCs.Selector & ~7u))
            && TryLearn(SwitcherLayout.KernelSsDescriptor, state.Gdtr.Base + (kernelSs.Selector & ~7u))
            && TryLearn(SwitcherLayout.UserCsDescriptor, state.Gdtr.Base + (userCs.Selector & ~7u))
            && TryLearn(SwitcherLayout.UserSsDescriptor, state.Gdtr.Base + (userSs.Selector & ~7u))
            && ((kernelCs.Selector | kernelSs.Selector | userCs.Selector | userSs.Selector) & 4) == 0;
        if (!plain)
        {
            return;
        }

        TryRead(gate, out gateLow, out gateHigh);
        (_kernelCs, _kernelSs, _userCs, _userSs) = (kernelCs, kernelSs, userCs, userSs);
        (_gdtr, _idtr, _taskBase) = (state.Gdtr, state.Idtr, state.Tr.Base);
        _window[SwitcherLayout.KernelCs] = kernelCs.Selector;
        _window[SwitcherLayout.KernelSs] = kernelSs.Selector;
        _window[SwitcherLayout.UserCs] = userCs.Selector;
        _window[SwitcherLayout.UserSs] = userSs.Selector;
        _window[SwitcherLayout.TaskStack] = state.Tr.Base + 4;
        _window[SwitcherLayout.GateIfMask] = (gateHigh >> 8 & 0x1F) == Gate32 ? 0 : FlagBits.If;
        _window[SwitcherLayout.GateTarget] = (gateHigh & 0xFFFF_0000) | (gateLow & 0xFFFF);
        _window[SwitcherLayout.Vector] = vector;
        _isArmed = true;
    }

    /// <summary>Learns the way to the page-fault handler from a fault of a user that the interpreter has just delivered.</summary>
    /// <param name="userCs">CS before it.</param>
    /// <param name="userSs">SS before it.</param>
    public void LearnFault(SegmentRegister userCs, SegmentRegister userSs)
    {
        uint gate = state.Idtr.Base + ((uint)ExceptionVector.PageFault * 8);
        // The same segments as for system calls: they share what is known of them.
        if (!_isArmed || _window[SwitcherLayout.FaultArmed] != 0 || state.Cpl != 0
            || state.Segments[(int)SegmentIndex.Cs] != _kernelCs || state.Segments[(int)SegmentIndex.Ss] != _kernelSs || userCs != _userCs || userSs != _userSs
            || !TryRead(gate, out uint low, out uint high) || (int)(high >> 8 & 0x1F) is not (Gate32 or Trap32)
            || state.Eip != ((high & 0xFFFF_0000) | (low & 0xFFFF)) || !TryLearn(SwitcherLayout.FaultGateDescriptor, gate))
        {
            return;
        }

        _window[SwitcherLayout.FaultIfMask] = (high >> 8 & 0x1F) == Gate32 ? 0 : FlagBits.If;
        _window[SwitcherLayout.FaultTarget] = state.Eip;
        _window[SwitcherLayout.FaultArmed] = 1;
    }

    /// <summary>Whether an address is in the part that delivers page faults.</summary>
    public bool IsFault(uint address) => address >= _window.Base + MonitorWindow.FaultOffset && Covers(address);

    /// <summary>The last page fault that was delivered without the monitor, or that was tried to.</summary>
    public (uint Linear, uint Error, uint Eip) LastFault
        => (_window[SwitcherLayout.FaultAddress], _window[SwitcherLayout.FaultError], _window[SwitcherLayout.FaultEip]);

    /// <summary>Remembers where execution really goes on for a return address inside a displaced range.</summary>
    public void LearnReturn(uint guestEip, uint hostEip)
    {
        uint entry = SwitcherLayout.ReturnCache + ((guestEip & (SwitcherLayout.ReturnCacheEntries - 1)) << 4);
        _window[entry] = guestEip;
        _window[entry + 4] = hostEip;
        _window[entry + 8] = state.Cr3;
    }

    /// <summary>Patches were taken back: what was remembered may lead nowhere.</summary>
    public void ForgetReturns()
    {
        for (uint i = 0; i < SwitcherLayout.ReturnCacheEntries; i++)
        {
            // No instruction is completed behind the last byte of the address space.
            _window[SwitcherLayout.ReturnCache + (i << 4)] = Never;
        }
    }

    /// <summary>Makes the state whole when the guest was interrupted at an address in the switcher.</summary>
    /// <param name="eip">The address; registers are as the signal found them.</param>
    public SwitchState Recover(uint eip)
        => eip < _window.Base + MonitorWindow.LeaveOffset ? RecoverEnter(eip) : IsFault(eip) ? RecoverFault(eip) : RecoverLeave(eip);

    private SwitchState RecoverEnter(uint eip)
    {
        if (eip < _code.EnterSaved)
        {
            return SwitchState.NotYet;
        }

        RestoreUserRegisters();
        state.Gpr[VcpuState.Ebx] = _window[SwitcherLayout.UserEbx];
        if (eip >= _code.EnterFlags)
        {
            SetNativeFlags(_window[SwitcherLayout.UserFlags]);
        }

        state.Gpr[VcpuState.Esp] = _window[SwitcherLayout.UserEsp];
        if (eip < _code.EnterCommit || eip >= _code.EnterDone)
        {
            return SwitchState.NotYet;
        }

        Enter(SwitcherLayout.GateIfMask, frame: 20, SwitcherLayout.GateTarget);
        return SwitchState.Done;
    }

    private SwitchState RecoverFault(uint eip)
    {
        RestoreUserRegisters();
        state.Gpr[VcpuState.Ebx] = _window[SwitcherLayout.UserEbx];
        state.Gpr[VcpuState.Esp] = _window[SwitcherLayout.UserEsp];
        SetNativeFlags(_window[SwitcherLayout.UserFlags]);
        if (eip >= _code.FaultCommit && eip < _code.FaultDone)
        {
            Enter(SwitcherLayout.FaultIfMask, frame: 24, SwitcherLayout.FaultTarget);
            return SwitchState.Done;
        }

        state.Eip = _window[SwitcherLayout.FaultEip];
        return SwitchState.NotYet;
    }

    private void Enter(uint ifMask, uint frame, uint target)
    {
        SetLevel(0);
        TryRead(_window[SwitcherLayout.TaskStack], out uint stack, out _);
        state.Gpr[VcpuState.Esp] = stack - frame;
        state.Eflags &= ~FlagBits.Nt;
        state.InterruptsEnabled = (_window[MonitorWindow.Data.VirtualIf] & _window[ifMask]) != 0;
        state.Eip = _window[target];
    }

    private SwitchState RecoverLeave(uint eip)
    {
        if (eip >= _code.UserCommit && eip < _code.UserDone)
        {
            RestoreUserRegisters();
            SetLevel(3);
            SetNativeFlags(_window[SwitcherLayout.LeaveFlags]);
            state.InterruptsEnabled = (_window[SwitcherLayout.LeaveFlags] & FlagBits.If) != 0;
            state.Gpr[VcpuState.Esp] = _window[SwitcherLayout.UserEsp];
            state.Eip = _window[SwitcherLayout.UserEip];
            return SwitchState.Done;
        }

        if (eip >= _code.LeaveSaved)
        {
            state.Gpr[VcpuState.Eax] = _window[MonitorWindow.Data.Scratch];
            state.Gpr[VcpuState.Ecx] = _window[MonitorWindow.Data.Scratch + 4];
            state.Gpr[VcpuState.Edx] = _window[MonitorWindow.Data.Scratch + 8];
            state.Gpr[VcpuState.Esp] = _window[MonitorWindow.Data.Scratch + 12];
        }

        if (eip >= _code.SameCommit && eip < _code.SameDone)
        {
            SetNativeFlags(_window[SwitcherLayout.LeaveFlags]);
            state.InterruptsEnabled = (_window[SwitcherLayout.LeaveFlags] & FlagBits.If) != 0;
            state.Gpr[VcpuState.Esp] = _window[SwitcherLayout.LeaveEsp];
            state.Eip = _window[SwitcherLayout.LeaveTarget];
            return SwitchState.Done;
        }

        if (eip >= _code.LeaveFlags)
        {
            SetNativeFlags(_window[SwitcherLayout.StackTop - 4]);
        }

        return SwitchState.NotYet;
    }

    private void RestoreUserRegisters()
    {
        state.Gpr[VcpuState.Eax] = _window[SwitcherLayout.UserEax];
        state.Gpr[VcpuState.Ecx] = _window[SwitcherLayout.UserEcx];
        state.Gpr[VcpuState.Edx] = _window[SwitcherLayout.UserEdx];
    }

    private void SetNativeFlags(uint flags)
        => state.Eflags = (flags & StubContext.NativeFlags) | (state.Eflags & ~StubContext.NativeFlags) | 2;

    private void SetLevel(byte cpl)
    {
        state.Cpl = cpl;
        state.Segments[(int)SegmentIndex.Cs] = cpl == 0 ? _kernelCs : _userCs;
        state.Segments[(int)SegmentIndex.Ss] = cpl == 0 ? _kernelSs : _userSs;
    }

    private void Disarm()
    {
        _isArmed = false;
        _window[SwitcherLayout.FaultArmed] = 0;
        foreach (uint field in new[] { SwitcherLayout.Vector, SwitcherLayout.KernelCs, SwitcherLayout.KernelSs, SwitcherLayout.UserCs, SwitcherLayout.UserSs })
        {
            _window[field] = Never;
        }
    }

    private bool TryLearn(uint descriptor, uint address)
    {
        if (!TryRead(address, out uint low, out uint high))
        {
            return false;
        }

        _window[descriptor] = address;
        _window[descriptor + 4] = low;
        _window[descriptor + 8] = high;
        return true;
    }

    /// <summary>Two dwords of the guest's linear address space.</summary>
    private bool TryRead(uint linear, out uint low, out uint high)
    {
        low = high = 0;
        if (!cpu.TryTranslate(linear, AccessKind.Read, false, false, out PageTranslation first, out _)
            || !cpu.TryTranslate(linear + 4, AccessKind.Read, false, false, out PageTranslation second, out _))
        {
            return false;
        }

        low = memory.Read32(first.Physical);
        high = memory.Read32(second.Physical);
        return true;
    }
}
