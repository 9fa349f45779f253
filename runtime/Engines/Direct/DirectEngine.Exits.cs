// The exits of a stub process, settled: Settle -> OnSignal -> OnTrap | OnPageFault, or Settle -> OnGate.
using Rewriter.Patching;
using Runtime.Abi;
using Runtime.Engines.Direct.Code;
using Runtime.Engines.Direct.Paging;
using Runtime.Engines.Interpreter;
using Runtime.Engines.Patched;

namespace Runtime.Engines.Direct;

public sealed partial class DirectEngine
{
    /// <summary>A page fault that the guest is handling, and what the instruction will want when it is retried.</summary>
    private readonly record struct FaultRetry(bool IsPending, uint Linear, AccessKind Access, uint Eip, byte Cpl, ulong Root);

    /// <summary>Hits on the guards of one patch before its sites are planned anew.</summary>
    private const int GuardPatience = 16;

    /// <summary>Exits of shims that are looked at while a page-fault handler is at work.</summary>
    private const int ReturnPatience = 16;

    /// <summary>Interruptions of one stay in the window, before the guest is taken for stuck there.</summary>
    private const int WindowPatience = 1000;

    // Linux exception numbers as signal frames carry them (SDM vol. 3, table 6-1).
    private const uint TrapDebug = 1, TrapBreakpoint = 3, TrapOverflow = 4, TrapPageFault = 14;

    private const uint HostFaultWrite = 2, HostFaultFetch = 16;

    /// <summary>The guest has come back from its process: why, and what is to be done.</summary>
    private VmExit Settle(AddressSpace space)
    {
        StubProcess stub = space.Stub;
        bool sameMode = _context.Store(stub);
        int reason = stub.Line.ExitReason;
        bool byGate = reason is StubLayout.ExitGate or StubLayout.ExitUserGate;
        _isPublished = byGate && _mode == ExecutionMode.Para;
        if (_mode == ExecutionMode.Para)
        {
            // The kernel's gate has brought it along, so that the window stays in the guest's cache.
            uint carried;
            if (reason == StubLayout.ExitGate)
            {
                carried = stub.Line.VirtualIf;
                _posts!.Saw(carried);
            }
            else
            {
                carried = _window[MonitorWindow.Data.VirtualIf] | _window[SwitcherLayout.ReturnWanted];
                _posts!.Forget();
            }

            _publishedIf = carried & FlagBits.If;
            bool isFault = (carried & SwitcherLayout.FaultUnseen) != 0;
            if (isFault)
            {
                SeeFault();
            }

            State.InterruptsEnabled = _publishedIf != 0;
            if ((_selectors.Collect(_window) | _switcher.Collect() | isFault) && _isPublished)
            {
                // The window has it from the shims and the switcher themselves.
                _context.LoadSystem(stub);
            }
        }

        if (byGate)
        {
            return OnGate(stub.Line.SiteIndex);
        }

        _accounts.Begin();
        _context.ForgetSystem();
        switch (reason)
        {
            case StubLayout.ExitKick:
                _accounts.Is(_accounts.Kick, State.Eip);
                return VmExit.None;
            case StubLayout.ExitSignal:
                ulong eip = stub.Line.Eip | (ulong)stub.Word(StubLayout.EipHigh) << 32;
                return sameMode && eip <= uint.MaxValue
                    ? OnSignal(space, (uint)eip)
                    : OnEscape(stub, eip);
            default:
                return VmExit.Impossible($"signal {stub.Word(StubLayout.Signal)} in the stub's own code");
        }
    }

    private VmExit OnSignal(AddressSpace space, uint hostEip)
    {
        StubProcess stub = space.Stub;
        State.Eip = hostEip;
        bool inWindow = _window.Covers(hostEip);
        if (inWindow && _switcher.Covers(hostEip))
        {
            if (_switcher.Recover(hostEip) == SwitchState.NotYet)
            {
                if (_switcher.IsFault(hostEip))
                {
                    return OnUnfinishedFault(space);
                }

                // The instruction at the site has not begun. After a kick, or when a page of the kernel's was only missing from the shadow,
                // it begins again; any other fault is the interpreter's to find.
                bool again = stub.Word(StubLayout.Signal) == StubSignals.Kick || FillsForSwitch(space);
                return OnGate(_window.Site(user: hostEip < _window.Base + MonitorWindow.LeaveOffset), performs: !again);
            }

            hostEip = State.Eip;
            inWindow = _window.Covers(hostEip);
        }

        if (IsStepTrap(stub))
        {
            return IsBetweenInstructions(space, hostEip, inWindow) ? StepOn(space, hostEip) : EndStep(hostEip, inWindow);
        }

        if (inWindow && !TryLeaveWindow(space, hostEip, out VmExit exit))
        {
            return exit;
        }

        if (!inWindow && _mapper.At(space, hostEip)?.PassingAt(hostEip) is LivePatch passing)
        {
            // Between the two jumps of a site nothing has happened yet.
            State.Eip = passing.Patch.Address;
        }

        // Protection keys do not cover fetches: user code that strayed into kernel code is found out when it does anything there.
        if (State.Cpl == 3 && !_cpu.TryTranslate(State.Eip, AccessKind.Fetch, true, false, out _, out uint refused))
        {
            return _cpu.RaiseException(ExceptionVector.PageFault, refused, State.Eip);
        }

        switch ((int)stub.Word(StubLayout.Signal), stub.Word(StubLayout.TrapNumber))
        {
            case (StubSignals.Kick, _):
                _accounts.Is(_accounts.Kick, State.Eip);
                return VmExit.None;
            case (StubSignals.Segv, TrapPageFault):
                return OnPageFault(space, (uint)stub.Quad(StubLayout.FaultAddress), stub.Word(StubLayout.ErrorCode), inWindow);
            case (StubSignals.Sys, _):
                // INT 80H entered the host kernel, which refused; EIP is behind its two bytes.
                State.Eip -= 2;
                return Emulate();
            case (StubSignals.Trap, TrapBreakpoint):
                // INT3 is one byte, INT 3 two (CD 03).
                State.Eip -= LooksLikeIntImmediate(State.Eip, 3) ? 2u : 1;
                return Emulate();
            case (StubSignals.Segv, TrapOverflow):
                State.Eip -= LooksLikeIntImmediate(State.Eip, 4) ? 2u : 1;
                return Emulate();
            case (StubSignals.Trap, TrapDebug) when !IsPatching:
                // INT1 (F1); single steps never run natively.
                State.Eip -= 1;
                return Emulate();
            default:
                return inWindow ? EmulateTrap() : OnTrap(space);
        }
    }

    /// <summary>Settles a fault of the switcher on the guest kernel's stack or tables, if the shadow is all that is missing.</summary>
    private bool FillsForSwitch(AddressSpace space)
    {
        if (space.Stub.Word(StubLayout.TrapNumber) != TrapPageFault)
        {
            return false;
        }

        uint linear = (uint)space.Stub.Quad(StubLayout.FaultAddress);
        AccessKind access = (space.Stub.Word(StubLayout.ErrorCode) & HostFaultWrite) != 0 ? AccessKind.Write : AccessKind.Read;
        return !_window.Covers(linear) && space.Page(linear >> 12).Kind != ShadowKind.Code
            && _pager.Fill(space, linear, access, user: false, out _) == FillResult.Filled;
    }

    /// <summary>An instruction trapped: a known site, code that was not scanned yet, a stray jump into a displaced range, or an ordinary
    /// guest exception.</summary>
    private VmExit OnTrap(AddressSpace space)
    {
        if (_mapper.At(space, State.Eip) is CodePage code)
        {
            int offset = (int)(State.Eip & 0xFFF);
            if (code.PatchAt(offset) is LivePatch live && _mapper.Place(space, State.Eip, out uint address) == Placement.Native && address != State.Eip)
            {
                _accounts.Is(_accounts.GuardHit, State.Eip);
                _switcher.LearnReturn(State.Eip, address);
                code.AddTarget(offset);
                if (++live.GuardHits >= GuardPatience && !live.IsSecondPlan)
                {
                    _code.Replan(live);
                }

                return VmExit.None;
            }

            if (!code.IsStart(offset) && !code.IsPatched(offset, 1))
            {
                _accounts.Is(_accounts.Scan, State.Eip);
                _mapper.Scan(space, code, offset, State.Cpl == 3);
                if (code.IsStart(offset) && !code.Sites.ContainsKey(offset) && code.Copy[offset] != CodePage.Trap)
                {
                    return VmExit.None;
                }
            }
        }

        return EmulateTrap();
    }

    private VmExit EmulateTrap()
    {
        _accounts.Is(_accounts.Trap, State.Eip);
        return Emulate();
    }

    private VmExit OnPageFault(AddressSpace space, uint linear, uint hostError, bool fromWindow)
    {
        bool user = State.Cpl == 3;
        AccessKind access = (hostError & HostFaultFetch) != 0 ? AccessKind.Fetch : (hostError & HostFaultWrite) != 0 ? AccessKind.Write : AccessKind.Read;
        _accounts.Is(_accounts.ShadowFault, State.Eip);
        if (_window.Covers(linear))
        {
            if (user && fromWindow)
            {
                // A kernel's shim, executed by a user: nothing has happened yet.
                _mapper.Share(State.Eip);
                return VmExit.None;
            }

            return OnWindowAccess(linear, access, user);
        }

        if (access != AccessKind.Fetch && space.Page(linear >> 12).Kind == ShadowKind.Code)
        {
            return OnCodeAccess(space, linear, access);
        }

        if (access != AccessKind.Fetch && !user && IsAtRepeatedMove() && _pager.IsPassing(space, linear >> 12))
        {
            return Emulate();
        }

        FillResult result = access == AccessKind.Fetch && IsPatching
            ? _mapper.Map(space, linear, State.Eip, user, out uint error)
            : _pager.Fill(space, linear, access, user, out error);
        switch (result)
        {
            case FillResult.Filled:
                return VmExit.None;
            case FillResult.GuestFault:
                _accounts.Is(_accounts.GuestPageFault, State.Eip);
                _retry = new FaultRetry(true, linear, access, State.Eip, State.Cpl, CurrentRoot);
                return RaisePageFault(error, linear);
            case FillResult.CodeWrite:
                return OnCodeWrite(space, linear);
            default:
                return user || _mode != ExecutionMode.Para ? Emulate() : EmulateDeviceAccess(space);
        }
    }

    private VmExit EmulateDeviceAccess(AddressSpace space)
    {
        uint eip = State.Eip;
        CodePage? page = _mapper.At(space, eip);
        _deviceAccesses.Begin();
        VmExit exit = Emulate();
        _deviceAccesses.Faulted(page, eip);
        return exit;
    }

    private VmExit RaisePageFault(uint error, uint linear)
    {
        SegmentRegister code = State.Segments[(int)SegmentIndex.Cs], stack = State.Segments[(int)SegmentIndex.Ss];
        bool isUser = State.Cpl == 3;
        VmExit exit = _cpu.RaiseException(ExceptionVector.PageFault, error, linear);
        if (isUser && _mode == ExecutionMode.Para)
        {
            _switcher.LearnFault(code, stack);
        }

        return exit;
    }

    /// <summary>The switcher has delivered a page fault since the last exit: what it left to the monitor.</summary>
    private void SeeFault()
    {
        (uint linear, uint error, uint eip) = _switcher.LastFault;
        _switcher.WantReturn(true);
        State.Cr2 = linear;
        _retry = new FaultRetry(true, linear, (error & HostFaultWrite) != 0 ? AccessKind.Write : AccessKind.Read, eip, Cpl: 3, CurrentRoot);
    }

    /// <summary>The switcher was interrupted before it had delivered a page fault, or cannot: the user's instruction begins again where only a page
    /// of the kernel's was missing from the shadow, or another thread wants the processor.</summary>
    private VmExit OnUnfinishedFault(AddressSpace space)
    {
        (uint linear, uint error, _) = _switcher.LastFault;
        _retry = default;
        _switcher.WantReturn(State.NonMaskableBlocked);
        return space.Stub.Word(StubLayout.Signal) == StubSignals.Kick || FillsForSwitch(space)
            ? VmExit.None
            : OnPageFault(space, linear, error, fromWindow: false);
    }

    /// <summary>The guest returns from its page-fault handler to the instruction that faulted, by an IRET that the interpreter has performed:
    /// what that will access is filled before it faults again.</summary>
    private void FillForRetry(AddressSpace space)
    {
        if (_retry.Eip == State.Eip && _retry.Cpl == State.Cpl && _retry.Root == CurrentRoot)
        {
            FillRetry(space);
        }
    }

    /// <summary>The same where the guest's kernel is about to execute an IRET: if the page is mapped by now it is filled, and the guest goes on by
    /// itself, whether it returns to that instruction or from an interrupt on the way there.</summary>
    private bool TryReturnToRetry(CodeSite site)
    {
        if (State.Cpl == 0 && site.Instruction.Instruction.Code == Iced.Intel.Code.Iretd && _retry.Root == CurrentRoot
            && _cpu.TryTranslate(_retry.Linear, _retry.Access, _retry.Cpl == 3, false, out _, out _))
        {
            FillRetry(_current!);
            _switcher.WantReturn(State.NonMaskableBlocked);
            return true;
        }

        // The handler may never map it.
        if (++_missedReturns >= ReturnPatience)
        {
            _retry = default;
            _switcher.WantReturn(State.NonMaskableBlocked);
        }

        return false;
    }

    private void FillRetry(AddressSpace space)
    {
        FaultRetry retry = _retry;
        _retry = default;
        _missedReturns = 0;
        ShadowKind kind = space.Page(retry.Linear >> 12).Kind;
        bool isFilled = kind != ShadowKind.Absent && (retry.Access != AccessKind.Write || kind == ShadowKind.Writable);
        if (isFilled || _window.Covers(retry.Linear))
        {
            return;
        }

        bool user = retry.Cpl == 3;
        _ = retry.Access == AccessKind.Fetch && IsPatching
            ? _mapper.Map(space, retry.Linear, retry.Eip, user, out _)
            : _pager.Fill(space, retry.Linear, retry.Access, user, out _);
    }

    /// <summary>Data in an execute-only copy: the interpreter reads or writes the original. When that goes on from elsewhere the page
    /// is shown as data until it is executed again.</summary>
    private VmExit OnCodeAccess(AddressSpace space, uint linear, AccessKind access)
    {
        _accounts.Is(_accounts.CodeAccess, State.Eip);
        if (State.Eip >> 12 != linear >> 12 && space.CountDataAccess(linear >> 12))
        {
            if (access == AccessKind.Write)
            {
                _mapper.Invalidate(space.Page(linear >> 12).Frame);
            }

            space.Drop(linear >> 12);
            return VmExit.None;
        }

        return Emulate();
    }

    private VmExit OnCodeWrite(AddressSpace space, uint linear)
    {
        _accounts.Is(_accounts.CodeWrite, State.Eip);
        if (!_cpu.TryTranslate(linear, AccessKind.Write, State.Cpl == 3, false, out PageTranslation translation, out _))
        {
            return Emulate();
        }

        uint frame = (uint)(translation.Physical >> 12);
        // Through another address than it is executed at, as when a kernel reuses the frame: it is data now. At its own address, code and
        // data may share the page, and a few stores alone are no reason to scan it all again.
        bool isReused = _code.OfFrame(frame).All(copy => copy.Key.Page != linear >> 12) && _mapper.At(space, State.Eip)?.Key.Frame != frame;
        bool ownPage = State.Eip >> 12 == linear >> 12 || _mapper.At(space, State.Eip)?.Key.Frame == frame;
        if (isReused || (!ownPage && space.CountDataAccess(linear >> 12)))
        {
            _mapper.Invalidate(frame);
            return VmExit.None;
        }

        return Emulate();
    }

    /// <summary>The guest itself wants something of the place where the window is.</summary>
    private VmExit OnWindowAccess(uint linear, AccessKind access, bool user)
    {
        if (!_cpu.TryTranslate(linear, access, user, out PageTranslation translation, out uint error))
        {
            return _cpu.RaiseException(ExceptionVector.PageFault, error, linear);
        }

        // Open bus has room for two; RAM has not.
        return translation.Physical < Memory.Length && TryMoveWindow() ? VmExit.None : Emulate();
    }

    /// <summary>A shim asks for what it cannot do inline.</summary>
    /// <param name="index">Of the site that asks.</param>
    /// <param name="performs">Whether to perform the site's instruction, or only to go back to it.</param>
    private VmExit OnGate(uint index, bool performs = true)
    {
        if (_code.Site(index) is not CodeSite site)
        {
            return State.Cpl == 3
                ? _cpu.RaiseException(ExceptionVector.GeneralProtection, 0)
                : VmExit.Impossible("it entered the gate without naming a site");
        }

        State.Eip = site.Address;
        if (!performs)
        {
            return VmExit.None;
        }

        if (_retry.IsPending && !State.NonMaskableBlocked && TryReturnToRetry(site))
        {
            return VmExit.None;
        }

        if (State.Cpl == 0 && site.IsReturned(Returned, index, out uint asked))
        {
            // A shim performs the first element of a repeated INS or OUTS; the others are carried on here, unless it did something else.
            _stringTransfer = site.Instruction.Instruction is { IsStringInstruction: true, HasRepPrefix: true } ? State.Eip : null;
            return new VmExit(VmExitReason.Hypercall, Value: asked);
        }

        _accounts.BeginHypercall(site);
        if (site.IsDeviceAccess)
        {
            _deviceAccesses.Begin();
            VmExit exit = StepTransfer();
            _deviceAccesses.Performed(site);
            return exit;
        }

        return State.Cpl == 3 && site.Instruction.Instruction.Code == Iced.Intel.Code.Int_imm8
            ? EnterKernel(site.Instruction.Instruction.Immediate8)
            : StepTransfer();
    }

    /// <summary>One instruction by the interpreter, or one element of a string instruction.</summary>
    private VmExit StepTransfer()
    {
        uint eip = State.Eip;
        VmExit exit = _cpu.StepPlain();
        // The last element of INS retires the instruction only when its value is there.
        _stringTransfer = exit.Reason is VmExitReason.PortRead or VmExitReason.PortWrite && State.Eip == eip ? eip : null;
        return exit;
    }

    private VmExit EnterKernel(byte vector)
    {
        SegmentRegister code = State.Segments[(int)SegmentIndex.Cs], stack = State.Segments[(int)SegmentIndex.Ss];
        VmExit exit = _cpu.Step();
        _switcher.Learn(vector, code, stack);
        return exit;
    }

    private VmExit OnEscape(StubProcess stub, ulong eip)
    {
        ulong inGates = eip - _window.Base - MonitorWindow.GateOffset;
        if (stub.Line.Cs == MonitorWindow.GateSelector && inGates < 4096)
        {
            if (stub.Word(StubLayout.Signal) == StubSignals.Kick || IsStepTrap(stub))
            {
                // On its way to us: let it arrive. The gate begins anew, since what it holds in 64-bit registers is lost.
                const uint gate = MonitorWindow.GateOffset, user = MonitorWindow.UserGateOffset;
                stub.Line.Eip = _window.Base + (inGates < user - gate ? gate : user);
                stub.Line.Eflags &= ~FlagBits.Tf;
                return ResumeInWindow(_current!);
            }

            if (State.Cpl == 3)
            {
                // The kernel's gate, tried by the user.
                State.Eip = (uint)eip;
                return _cpu.RaiseException(ExceptionVector.GeneralProtection, 0);
            }
        }

        return VmExit.Impossible($"code selector 0x{stub.Line.Cs:x} at 0x{eip:x}: it left IA-32 code");
    }

    /// <summary>Lets the guest go on where it was interrupted in the window. Shims and the gate are a few instructions long; a guest that is found
    /// there again and again runs something else, and must not grow the monitor's stack.</summary>
    private VmExit ResumeInWindow(AddressSpace space)
    {
        StubProcess stub = space.Stub;
        // What the block holds are the rights of when the guest was entered; since then the switcher may have changed its level.
        _context.LoadRights(stub);
        do
        {
            if (++_resumedInWindow > WindowPatience)
            {
                return VmExit.Impossible("it does not leave the monitor window");
            }

            stub.Run();
            if (stub.IsDead)
            {
                return VmExit.Impossible("its stub process was killed");
            }
        }
        // Another kick on the way in: where the guest is to go on is known to the block alone, so it has to arrive first.
        while (stub.Line.ExitReason == StubLayout.ExitKick);
        return Settle(space);
    }

    /// <summary>From an address in a trampoline to the guest instruction it stands for. A kick may strike inside a shim, where there
    /// is none: the shim is then finished first.</summary>
    /// <param name="exit">What to do instead of handling the signal, when the result is false.</param>
    private bool TryLeaveWindow(AddressSpace space, uint hostEip, out VmExit exit)
    {
        exit = VmExit.None;
        if (!_code.Trampolines.TryFind(hostEip, out LivePatch live, out TrampolineMapEntry entry))
        {
            return true;
        }

        bool exact = entry.IsRestart && live.Patch.TrampolineAddress + (uint)entry.Offset == hostEip;
        if (exact || space.Stub.Word(StubLayout.Signal) != StubSignals.Kick)
        {
            _shims.Abandon(State, _window, live, entry);
            State.Eip = entry.GuestAddress;
            if (ShimFinisher.Verifies(live, entry) && ++live.GuardHits % GuardPatience == 0)
            {
                // Its operand has come to lie among code: planned anew, the shim reads it elsewhere.
                _code.Replan(live);
            }

            return true;
        }

        _accounts.RollForward.Add(0);
        switch (_shims.Finish(_cpu, _window, _code.Trampolines, live, entry, _switcher.Covers))
        {
            case ShimEnd.GuestInstruction:
                return true;
            case ShimEnd.Gate:
                exit = OnGate(_window.Site(user: false));
                return false;
            case ShimEnd.UserGate:
                exit = OnGate(_window.Site(user: true));
                return false;
            default:
                // It faults where it is: let it, and settle that fault.
                exit = ResumeInWindow(space);
                return false;
        }
    }

    /// <summary>Whether the next instruction is REP MOVS or REP STOS of bytes or dwords, which the interpreter performs a page at a time.</summary>
    private bool IsAtRepeatedMove()
        => _cpu.TryTranslate(State.Eip, AccessKind.Fetch, State.Cpl == 3, false, out PageTranslation first, out _)
            && Memory.Read8(first.Physical) == 0xF3 && (State.Eip & 0xFFF) != 0xFFF
            && Memory.Read8(first.Physical + 1) is 0xA4 or 0xA5 or 0xAA or 0xAB;

    private bool LooksLikeIntImmediate(uint after, byte vector)
        => _cpu.TryTranslate(after - 2, AccessKind.Fetch, State.Cpl == 3, false, out PageTranslation first, out _)
            && _cpu.TryTranslate(after - 1, AccessKind.Fetch, State.Cpl == 3, false, out PageTranslation second, out _)
            && Memory.Read8(first.Physical) == 0xCD && Memory.Read8(second.Physical) == vector;
}
