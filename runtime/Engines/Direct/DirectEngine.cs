// The direct engine: guest code runs natively in a stub process until it traps or asks; what it could not do itself the interpreter does
// for it, one instruction, and it goes on. Reading order: Run -> RunNatively -> Settle -> OnTrap | OnPageFault | OnGate.
using System.Diagnostics;
using Rewriter.Patching;
using Runtime.Abi;
using Runtime.Engines.Direct.Code;
using Runtime.Engines.Direct.Host;
using Runtime.Engines.Direct.Paging;
using Runtime.Engines.Interpreter;
using Runtime.Engines.Patched;
using Runtime.Memory;

namespace Runtime.Engines.Direct;

/// <summary>Native, deprivileged execution of one virtual CPU. Everything but <see cref="Kick"/> is for one thread: the stub processes
/// die with it.</summary>
public sealed class DirectEngine : IExecutionEngine, ICpuObserver
{
    private const int SpaceCapacity = 32;

    /// <summary>Hits on the guards of one patch before its sites are planned anew.</summary>
    private const int GuardPatience = 16;

    // Linux exception numbers as signal frames carry them (SDM vol. 3, table 6-1).
    private const uint TrapDebug = 1, TrapBreakpoint = 3, TrapOverflow = 4, TrapPageFault = 14;

    private const uint HostFaultWrite = 2, HostFaultFetch = 16;

    private readonly ExecutionMode _mode;
    private readonly DirectAccounts _accounts;
    private readonly SharedFile _control;
    private readonly SharedCodeStorage _storage;
    private readonly SharedFile _ram;
    private readonly Cpu _cpu;
    private readonly FrameTable _frames;
    private readonly AddressSpaceCache _spaces;
    private readonly ShadowPager _pager;
    private readonly CodeCache _code;
    private readonly CodeMapper _mapper;
    private readonly HostSegments _segments = new();
    private readonly StubContext _context;
    private readonly ShimFinisher _shims = new();
    private readonly SelectorSlots _selectors;
    private readonly Switcher _switcher;
    private WindowMemory _window;
    private AddressSpace? _current;
    private StubProcess? _running;
    private long _tlbEpoch = 1;
    private bool _kick;
    private bool _shadowIsStale;

    /// <param name="memoryLength">Guest RAM in bytes; a multiple of 4096.</param>
    /// <param name="counters">Where the exits that the engine settles itself are accounted for.</param>
    /// <param name="imagePlan">The plan of a rewritten image.</param>
    /// <exception cref="HostCallException">The host lacks something that the engine needs.</exception>
    public DirectEngine(ExecutionMode mode, ulong memoryLength, CpuModel model, ExitCounters counters, PatchPlan? imagePlan = null)
    {
        _mode = mode;
        _accounts = new DirectAccounts(counters);
        _control = new SharedFile("control", StubLayout.ControlFileLength);
        _ram = new SharedFile("ram", (long)memoryLength);
        Memory = _ram.AsGuestMemory();
        State = new VcpuState();
        _cpu = new Cpu(State, Memory, model, new HostTimeStamp()) { Observer = this };
        _frames = new FrameTable(Memory.FrameCount);
        _cpu.FrameFlags = _frames.CodeFlags;
        ImagePlan? plan = ImagePlan.For(imagePlan, mode, memoryLength);
        _storage = new SharedCodeStorage(_control);
        _window = new WindowMemory(_storage, plan?.WindowBase ?? MonitorWindow.DefaultBase);
        _spaces = new AddressSpaceCache(_control, _ram, _frames, SpaceCapacity) { WindowBase = _window.Base };
        _pager = new ShadowPager(_cpu, Memory, _frames, mode == ExecutionMode.Trap, HostLimits.LowestPage);
        _code = new CodeCache(_storage, Memory, _frames.CodeFlags, mode, _window.Base, plan);
        _mapper = new CodeMapper(_code, _pager, _frames, _cpu);
        _context = new StubContext(State, _segments);
        _selectors = new SelectorSlots(State, Memory, _segments, _cpu);
        _selectors.Reset(_window);
        _switcher = new Switcher(State, _cpu, Memory);
        // The first process now: a host that refuses one is found out before the guest starts.
        _switcher.Install(_window, EnterSpace().Stub.Features);
        _code.PatchesTakenBack += _switcher.ForgetReturns;
    }

    public VcpuState State { get; }

    public GuestMemory Memory { get; }

    /// <summary>The interpreter that does what the host processor cannot.</summary>
    public Cpu Processor => _cpu;

    /// <summary>Hypercalls that the run loop wants to see.</summary>
    public ReturnedSites Returned { get; } = new();

    public VmExit Run(bool wantInterruptWindow)
    {
        while (true)
        {
            if (Volatile.Read(ref _kick))
            {
                Volatile.Write(ref _kick, false);
                return new VmExit(VmExitReason.Kicked);
            }

            if (wantInterruptWindow && State.InterruptsEnabled && !State.InterruptShadow)
            {
                return new VmExit(VmExitReason.InterruptWindow);
            }

            VmExit exit = _context.CanRunNatively ? RunNatively(wantInterruptWindow) : Emulate();
            if (exit.Reason != VmExitReason.None)
            {
                return exit;
            }
        }
    }

    public void CompletePortRead(uint value) => _cpu.CompletePortRead(value);

    public void Interrupt(byte vector) => _cpu.DeliverInterrupt(vector);

    public void Kick()
    {
        Volatile.Write(ref _kick, true);
        Volatile.Read(ref _running)?.Kick();
    }

    public void Dispose()
    {
        _spaces.Dispose();
        _ram.Dispose();
        _control.Dispose();
    }

    void ICpuObserver.ControlRegisterWritten(int register, uint before, uint after)
    {
        // What may be shown writable depends on CR0.WP; the format of the tables on CR4. Shadows of the old kind are worth nothing.
        const uint paging = ControlRegisters.Cr0Wp | ControlRegisters.Cr0Pg;
        const uint format = ControlRegisters.Cr4Pse | ControlRegisters.Cr4Pae;
        _shadowIsStale |= (register == 0 && ((before ^ after) & paging) != 0) || (register == 4 && ((before ^ after) & format) != 0);
    }

    void ICpuObserver.TlbFlushed(bool includingGlobal) => _tlbEpoch++;

    void ICpuObserver.PageInvalidated(uint linear)
    {
        foreach (AddressSpace space in _spaces.All)
        {
            if (space.Key.Root == CurrentRoot)
            {
                space.Drop(linear >> 12);
            }
        }
    }

    void ICpuObserver.SegmentLoaded(SegmentIndex index)
    {
        if (_mode == ExecutionMode.Para && _current is not null && State.Cpl == 0 && index is not (SegmentIndex.Cs or SegmentIndex.Ss))
        {
            _selectors.Learn(index, _current, _window);
        }
    }

    void ICpuObserver.PhysicalWrite(uint frame, int offset, int length)
    {
        _mapper.Written(frame, offset, length);
        if (offset + length > CodePage.Size && frame + 1 < _frames.Count)
        {
            _mapper.Written(frame + 1, 0, offset + length - CodePage.Size);
        }
    }

    private ulong CurrentRoot => State.PagingEnabled
        ? State.Cr3 & ~0x1Fu | ((State.Cr4 & ControlRegisters.Cr4Pae) != 0 ? 1u : 0)
        : ulong.MaxValue;

    private bool IsPatching => _mode != ExecutionMode.Trap;

    /// <summary>One instruction by the interpreter.</summary>
    private VmExit Emulate()
    {
        if (_running is not null)
        {
            _context.StoreFpu(_running);
        }

        return _cpu.Step();
    }

    private VmExit RunNatively(bool wantInterruptWindow)
    {
        AddressSpace space = EnterSpace();
        if (IsPatching)
        {
            _code.SetFpuTraps((State.Cr0 & (ControlRegisters.Cr0Ts | ControlRegisters.Cr0Em)) != 0);
        }

        if (_mapper.Place(space, State.Eip, out uint address) == Placement.Emulate)
        {
            return Emulate();
        }

        StubProcess stub = space.Stub;
        if (_mode == ExecutionMode.Para)
        {
            _selectors.Prepare(space, _window);
            _switcher.Publish();
        }

        _context.Load(stub, address);
        _window.Publish(State, wantInterruptWindow);
        _context.FpuLeft();
        Volatile.Write(ref _running, stub);
        if (Volatile.Read(ref _kick))
        {
            return VmExit.None;
        }

        stub.Run();
        if (stub.IsDead)
        {
            return VmExit.Impossible("its stub process was killed");
        }

        _accounts.Begin();
        VmExit exit = Settle(space);
        _accounts.End();
        return exit;
    }

    /// <summary>The space for the guest's present translations, compared with its page tables if a TLB flush went by.</summary>
    private AddressSpace EnterSpace()
    {
        if (_shadowIsStale)
        {
            _shadowIsStale = false;
            foreach (AddressSpace stale in _spaces.All)
            {
                stale.Wipe();
            }
        }

        bool split = _current is not null && !_current.Stub.Features.HasProtectionKeys;
        var key = new SpaceKey(CurrentRoot, split && State.Cpl == 3);
        AddressSpace? space = _current;
        if (space is null || space.Key != key)
        {
            if (_running is not null)
            {
                _running.Park();
                _context.StoreFpu(_running);
            }

            long started = Stopwatch.GetTimestamp();
            long before = _spaces.Spawned;
            space = _spaces.Get(key);
            if (_spaces.Spawned != before)
            {
                _selectors.Install(space.Stub);
                _accounts.Spawn.Add((long)Stopwatch.GetElapsedTime(started).TotalNanoseconds);
            }

            _current = space;
            _window.WriteGate(space.Stub.GateAddress);
        }

        if (space.ValidatedAt != _tlbEpoch)
        {
            space.ValidatedAt = _tlbEpoch;
            _selectors.Revalidate();
            _pager.Validate(space);
            if (_pager.IsMapped(_window.Base, MonitorWindow.Size))
            {
                MoveWindow();
                return EnterSpace();
            }
        }

        if (space.MappingCount > HostLimits.MappingsPerProcess)
        {
            space.Wipe();
        }

        return space;
    }

    private VmExit Settle(AddressSpace space)
    {
        StubProcess stub = space.Stub;
        bool sameMode = _context.Store(stub);
        if (_mode == ExecutionMode.Para)
        {
            State.InterruptsEnabled = (_window[MonitorWindow.Data.VirtualIf] & FlagBits.If) != 0;
            _selectors.Collect(_window);
            _switcher.Collect();
        }

        switch ((int)stub.Word(StubLayout.ExitReason))
        {
            case StubLayout.ExitGate:
                return OnGate();
            case StubLayout.ExitKick:
                return VmExit.None;
            case StubLayout.ExitSignal:
                ulong eip = stub.Quad(StubLayout.FrameEip);
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
                // The instruction at the site has not begun. A kick leaves it so; a fault is the interpreter's to find again.
                return OnGate(performs: stub.Word(StubLayout.Signal) != StubSignals.Kick);
            }

            hostEip = State.Eip;
            inWindow = _window.Covers(hostEip);
        }

        if (inWindow && !TryLeaveWindow(space, hostEip, out VmExit exit))
        {
            return exit;
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
                return OnPageFault(space, (uint)stub.Quad(StubLayout.FaultAddress), stub.Word(StubLayout.ErrorCode));
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
                if (++live.GuardHits == GuardPatience)
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

    private VmExit OnPageFault(AddressSpace space, uint linear, uint hostError)
    {
        bool user = State.Cpl == 3;
        AccessKind access = (hostError & HostFaultFetch) != 0 ? AccessKind.Fetch : (hostError & HostFaultWrite) != 0 ? AccessKind.Write : AccessKind.Read;
        _accounts.Is(_accounts.ShadowFault, State.Eip);
        if (_window.Covers(linear))
        {
            return OnWindowAccess(linear, access, user);
        }

        if (access != AccessKind.Fetch && space.Page(linear >> 12).Kind == ShadowKind.Code)
        {
            return OnCodeAccess(space, linear, access);
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
                return _cpu.RaiseException(ExceptionVector.PageFault, error, linear);
            case FillResult.CodeWrite:
                return OnCodeWrite(space, linear);
            default:
                return Emulate();
        }
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
        bool ownPage = State.Eip >> 12 == linear >> 12 || _mapper.At(space, State.Eip)?.Key.Frame == frame;
        if (!ownPage && space.CountDataAccess(linear >> 12))
        {
            _mapper.Invalidate(frame);
            return VmExit.None;
        }

        return Emulate();
    }

    /// <summary>The guest itself wants something of the place where the window is.</summary>
    private VmExit OnWindowAccess(uint linear, AccessKind access, bool user)
    {
        if (!_cpu.TryTranslate(linear, access, user, out _, out uint error))
        {
            return _cpu.RaiseException(ExceptionVector.PageFault, error, linear);
        }

        MoveWindow();
        return VmExit.None;
    }

    /// <summary>A shim asks for what it cannot do inline.</summary>
    /// <param name="performs">Whether to perform the site's instruction, or only to go back to it.</param>
    private VmExit OnGate(bool performs = true)
    {
        uint index = _window.TakeSite();
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

        if (site.IsFromImage && Returned.Contains(index) && State.Cpl == 0)
        {
            return new VmExit(VmExitReason.Hypercall, Value: index);
        }

        _accounts.Is(_accounts.Hypercall, site.Address);
        byte cpl = State.Cpl;
        SegmentRegister code = State.Segments[(int)SegmentIndex.Cs], stack = State.Segments[(int)SegmentIndex.Ss];
        VmExit exit = _cpu.Step();
        if (cpl == 3 && site.Instruction.Instruction.Code == Iced.Intel.Code.Int_imm8)
        {
            _switcher.Learn(site.Instruction.Instruction.Immediate8, code, stack);
        }

        return exit;
    }

    private VmExit OnEscape(StubProcess stub, ulong eip)
    {
        if (stub.Word(StubLayout.Signal) == StubSignals.Kick && stub.Quad(StubLayout.FrameCs) == MonitorWindow.GateSelector
            && eip - _window.Base - MonitorWindow.GateOffset < 4096)
        {
            // In the gate, on its way to us: let it arrive.
            stub.Run();
            return Settle(_current!);
        }

        return VmExit.Impossible($"code selector 0x{stub.Quad(StubLayout.FrameCs):x} at 0x{eip:x}: it left IA-32 code");
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
            State.Eip = entry.GuestAddress;
            return true;
        }

        _accounts.RollForward.Add(0);
        switch (_shims.Finish(_cpu, _window, _code.Trampolines, live, entry, _switcher.Covers))
        {
            case ShimEnd.GuestInstruction:
                return true;
            case ShimEnd.Gate:
                exit = OnGate();
                return false;
            default:
                // It faults where it is: let it, and settle that fault.
                space.Stub.Run();
                exit = Settle(space);
                return false;
        }
    }

    private bool LooksLikeIntImmediate(uint after, byte vector)
        => _cpu.TryTranslate(after - 2, AccessKind.Fetch, State.Cpl == 3, false, out PageTranslation first, out _)
            && _cpu.TryTranslate(after - 1, AccessKind.Fetch, State.Cpl == 3, false, out PageTranslation second, out _)
            && Memory.Read8(first.Physical) == 0xCD && Memory.Read8(second.Physical) == vector;

    /// <summary>Puts the window where the guest's page tables say nothing. All copies and processes start anew.</summary>
    private void MoveWindow()
    {
        _accounts.WindowMove.Add(0);
        uint target = FindWindow();
        if (_running is not null)
        {
            _context.StoreFpu(_running);
        }

        StubFeatures features = _spaces.All.First().Stub.Features;
        Volatile.Write(ref _running, null);
        _current = null;
        _mapper.Clear();
        foreach (AddressSpace space in _spaces.All.ToArray())
        {
            _segments.Forget(space.Stub);
            _spaces.GiveUp(space);
        }

        _code.MoveWindow(target);
        _window = new WindowMemory(_storage, target);
        _selectors.Reset(_window);
        _switcher.Install(_window, features);
        _spaces.WindowBase = target;
    }

    private uint FindWindow()
    {
        // From the top down, below the I/O APIC and the local APIC; a place that was given up once is not tried again.
        for (uint candidate = _window.Base - MonitorWindow.Size; candidate >= 0x1000_0000; candidate -= MonitorWindow.Size)
        {
            if (candidate >= Memory.Length && !_pager.IsMapped(candidate, MonitorWindow.Size))
            {
                return candidate;
            }
        }

        throw new InvalidOperationException("the guest uses its whole address space; there is no room for the monitor window");
    }
}
