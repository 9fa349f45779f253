// The direct engine: guest code runs natively in a stub process until it traps or asks; what it could not do itself the interpreter does
// for it, one instruction, and it goes on. Reading order: Run -> RunNatively here, then Settle in
// DirectEngine.Exits.
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
public sealed partial class DirectEngine : ISteppableEngine, ICpuObserver
{
    private const int SpaceCapacity = 32;

    private readonly ExecutionMode _mode;
    private readonly bool _hasOwnTime;
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
    private readonly OperandMirror _operands;
    private readonly Switcher _switcher;
    private readonly HotDeviceAccesses _deviceAccesses;
    private readonly PostWindow? _posts;
    private WindowMemory _window;
    private AddressSpace? _current;
    private StubProcess? _running;
    private long _tlbEpoch = 1;
    private bool _kick;
    private int _resumedInWindow;
    private bool _shadowIsStale;
    private FaultRetry _retry;
    private int _missedReturns;

    /// <summary>Where a repeated INS or OUTS is under way, which the interpreter carries on: each element is an exit of its own.</summary>
    private uint? _stringTransfer;
    private (ulong Kernel, ulong User) _gates;

    /// <summary>The window and the process hold what they were given, but for what <see cref="_publishedIf"/> and the registers say: the last
    /// exit was a hypercall.</summary>
    private bool _isPublished;
    private bool _publishedWish;
    private uint _publishedIopl, _publishedIf;

    /// <summary>False while the guest's page tables leave no room for the window: then everything is interpreted.</summary>
    private bool _hasWindow = true;

    /// <param name="memoryLength">Guest RAM in bytes; a multiple of 4096.</param>
    /// <param name="counters">Where the exits that the engine settles itself are accounted for.</param>
    /// <param name="imagePlan">The plan of a rewritten image.</param>
    /// <param name="deviceLength">Bytes of device memory behind the RAM; a multiple of 4096.</param>
    /// <param name="timeStamp">Where the guest's RDTSC reads, which then never runs natively; null for the host's counter.</param>
    /// <exception cref="HostCallException">The host refuses something that the engine needs.</exception>
    /// <exception cref="HostLacksException">The host does not have something that the engine needs in this mode.</exception>
    public DirectEngine(
        ExecutionMode mode, ulong memoryLength, CpuModel model, ExitCounters counters, PatchPlan? imagePlan = null, ulong deviceLength = 0, ITimeStamp? timeStamp = null)
    {
        _hasOwnTime = timeStamp is not null;
        _mode = mode;
        _accounts = new DirectAccounts(counters);
        _control = new SharedFile("control", StubLayout.ControlFileLength);
        _ram = new SharedFile("ram", (long)(memoryLength + deviceLength));
        Memory = _ram.AsGuestMemory(memoryLength);
        State = new VcpuState();
        _cpu = new Cpu(State, Memory, model, timeStamp ?? new HostTimeStamp()) { Observer = this };
        _frames = new FrameTable(Memory.FrameCount);
        _cpu.FrameFlags = _frames.CodeFlags;
        ImagePlan? plan = ImagePlan.For(imagePlan, mode, memoryLength);
        _storage = new SharedCodeStorage(_control);
        _window = new WindowMemory(_storage, plan?.WindowBase ?? MonitorWindow.DefaultBase);
        _pager = new ShadowPager(_cpu, Memory, _frames, mode == ExecutionMode.Trap, HostLimits.LowestPage);
        _spaces = new AddressSpaceCache(_control, _ram, _frames, SpaceCapacity, _pager.IsAbandoned) { WindowBase = _window.Base };
        _code = new CodeCache(_storage, Memory, _frames.CodeFlags, mode, _window.Base, plan, Returned, imagePlan);
        _deviceAccesses = new HotDeviceAccesses(_code, Memory);
        if (_hasOwnTime)
        {
            _code.LeaveTimeStamps();
        }

        _mapper = new CodeMapper(_code, _pager, _frames, _cpu);
        _context = new StubContext(State, _segments);
        _selectors = new SelectorSlots(State, Memory, _segments, _cpu);
        _selectors.Reset(_window);
        _operands = new OperandMirror(_cpu, Memory, _frames, () => _window);
        _switcher = new Switcher(State, _cpu, Memory);
        Posted = mode == ExecutionMode.Para ? new PostedWrites(MonitorWindow.Data.PostCapacity) : null;
        _posts = Posted is null ? null : new PostWindow(Posted);
        // The first process now: a host that refuses one is found out before the guest starts.
        StubFeatures features = TryEnterSpace()!.Stub.Features;
        if (IsPatching && !features.HasProtectionKeys)
        {
            Dispose();
            throw new HostLacksException("the host has no memory protection keys (pku), which keep patched code apart from what the guest reads");
        }

        _switcher.Install(_window, features);
        _code.PatchesTakenBack += _switcher.ForgetReturns;
        _code.Mirrors = _operands.OffsetOf;
        _code.FrameReleased += _operands.Refresh;
    }

    public VcpuState State { get; }

    public GuestMemory Memory { get; }

    /// <summary>The interpreter that does what the host processor cannot.</summary>
    public Cpu Processor => _cpu;

    /// <summary>Hypercalls that the run loop wants to see.</summary>
    public ReturnedSites Returned { get; } = new();

    public PostedWrites? Posted { get; }

    public VmExit Run(bool wantInterruptWindow)
    {
        try
        {
            _posts?.Open(_window);
            VmExit exit = RunUntilExit(wantInterruptWindow);
            _posts?.Collect(_window);
            return exit;
        }
        catch (HostCallException refused)
        {
            // Processes, descriptors or mappings ran out in the middle: this guest ends, the monitor does not.
            return VmExit.Impossible($"the host refused to go on with it ({refused.Message})");
        }
    }

    public void CompletePortRead(uint value) => _cpu.CompletePortRead(value);

    public void Interrupt(byte vector) => _cpu.DeliverInterrupt(vector);

    public void InterruptNonMaskable()
    {
        _cpu.DeliverNonMaskable();
        _isPublished = false;
    }

    public void Halted()
    {
        // What the kicks since then were for is looked at before the guest runs. Delivering first, and then coming back for a kick, would find
        // the same event pending with interrupts off, and ask for a window.
        Volatile.Write(ref _kick, false);
        Interlocked.MemoryBarrier();
        _spaces.Placement.Halted();
    }

    public void Kick()
    {
        // One signal until it has been seen: a storm of them would fill the signal stack of a process that cannot keep up.
        if (!Interlocked.Exchange(ref _kick, true))
        {
            Volatile.Read(ref _running)?.Kick();
        }
    }

    public EngineTime? ReadTime() => new EngineTime(_spaces.ReadProcessorTime(), 0);

    public EngineMemory ReadMemory() => new(_ram.AllocatedBytes, _control.AllocatedBytes, _frames.Mappings);

    public void Bind(int processor)
    {
        Time.HostThread.Bind(processor);
        _spaces.Bind(processor);
    }

    public void Dispose()
    {
        _spaces.Dispose();
        _ram.Dispose();
        _control.Dispose();
    }

    private VmExit RunUntilExit(bool wantInterruptWindow)
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

            VmExit exit = _context.CanRunNatively && _hasWindow ? RunNatively(wantInterruptWindow) : Emulate();
            if (exit.Reason != VmExitReason.None || ReturnsAtEachExit)
            {
                return exit;
            }
        }
    }

    void ICpuObserver.ControlRegisterWritten(int register, uint before, uint after)
    {
        // What may be shown writable depends on CR0.WP; the format of the tables on CR4. Shadows of the old kind are worth nothing.
        const uint paging = ControlRegisters.Cr0Wp | ControlRegisters.Cr0Pg;
        const uint format = ControlRegisters.Cr4Pse | ControlRegisters.Cr4Pae;
        _shadowIsStale |= (register == 0 && ((before ^ after) & paging) != 0) || (register == 4 && ((before ^ after) & format) != 0);
    }

    void ICpuObserver.TlbFlushed(bool includingGlobal)
    {
        _tlbEpoch++;
        _hasWindow = true;
    }

    void ICpuObserver.PageInvalidated(uint linear)
    {
        _operands.Invalidate(linear >> 12);
        ulong root = CurrentRoot;
        foreach (bool user in (ReadOnlySpan<bool>)[false, true])
        {
            if (_spaces.Find(new SpaceKey(root, user)) is AddressSpace space)
            {
                _pager.Invalidate(space, linear >> 12);
            }
        }
    }

    void ICpuObserver.SegmentLoaded(SegmentIndex index)
    {
        if (_mode == ExecutionMode.Para && _current is not null && State.Cpl == 0 && index is not (SegmentIndex.Cs or SegmentIndex.Ss))
        {
            _selectors.Learn(State.Segments[(int)index], _current, _window);
        }
    }

    void ICpuObserver.SegmentVerified(SegmentRegister segment)
    {
        if (_mode == ExecutionMode.Para && _current is not null && segment.IsUsable && (segment.Type & 1) != 0)
        {
            // Present and accessed: a slot stands for one that could be loaded with nothing changed in memory.
            _selectors.Learn(segment, _current, _window);
            _operands.Refresh();
        }
    }

    void ICpuObserver.PhysicalWrite(uint frame, int offset, int length)
    {
        _operands.Written(frame);
        _mapper.Written(frame, offset, length);
        if (offset + length > CodePage.Size && frame + 1 < _frames.Count)
        {
            _mapper.Written(frame + 1, 0, offset + length - CodePage.Size);
        }
    }

    private ulong CurrentRoot => SpaceKey.RootOf(State);

    private bool IsPatching => _mode != ExecutionMode.Trap;

    /// <summary>One instruction by the interpreter, or all of a function that a shim stands in for.</summary>
    private VmExit Emulate()
    {
        if (State.Cpl == 0 && Returned.TryFindFunction(State.Eip, out uint site))
        {
            return new VmExit(VmExitReason.Hypercall, Value: site);
        }

        if (_running is not null)
        {
            _context.StoreFpu(_running);
            _cpu.MxcsrMask = _context.MxcsrMask;
        }

        return _cpu.Step();
    }

    private VmExit RunNatively(bool wantInterruptWindow)
    {
        if (_stringTransfer == State.Eip)
        {
            return StepTransfer();
        }

        bool isAsBefore = IsAsBefore(wantInterruptWindow);
        AddressSpace? space = isAsBefore ? _current! : TryEnterSpace();
        if (space is null)
        {
            return VmExit.None;
        }

        if (!isAsBefore && IsPatching)
        {
            _code.SetFpuTraps((State.Cr0 & (ControlRegisters.Cr0Ts | ControlRegisters.Cr0Em)) != 0);
            _code.SetTimeStampTraps(_hasOwnTime || State.TscOffset != 0 || (State.Cr4 & ControlRegisters.Cr4Tsd) != 0);
        }

        if (_retry.IsPending)
        {
            FillForRetry(space);
        }

        if (_mapper.Place(space, State.Eip, out uint address) == Placement.Emulate)
        {
            return Emulate();
        }

        StubProcess stub = space.Stub;
        if (!isAsBefore)
        {
            Publish(space, wantInterruptWindow);
        }
        else if ((State.Eflags & FlagBits.If) != _publishedIf)
        {
            _window[MonitorWindow.Data.VirtualIf] = State.Eflags & FlagBits.If;
        }

        _context.Load(stub, address);
        PrepareStep(stub);
        if (!ReferenceEquals(_running, stub))
        {
            // A full barrier: who kicks from now on either finds this process or is seen below.
            Interlocked.Exchange(ref _running, stub);
        }

        if (Volatile.Read(ref _kick))
        {
            _isPublished = false;
            return VmExit.None;
        }

        stub.Run();
        if (stub.IsDead)
        {
            return VmExit.Impossible("its stub process was killed");
        }

        _resumedInWindow = 0;
        VmExit exit = Settle(space);
        _accounts.End();
        return exit;
    }

    /// <summary>Whether the guest can be entered again with nothing but its registers: what most hypercalls come to.</summary>
    private bool IsAsBefore(bool wantInterruptWindow)
        => _isPublished && wantInterruptWindow == _publishedWish && (State.Eflags & FlagBits.Iopl) == _publishedIopl
            && !_shadowIsStale && _current!.ValidatedAt == _tlbEpoch && _current.MappingCount <= HostLimits.MappingsPerProcess
            && _context.HasSystem(_current.Stub) && !_pager.UsesRam(_window.Base, MonitorWindow.Size);

    /// <summary>Tells the window and the process all that shims and the stub read of the guest's processor.</summary>
    private void Publish(AddressSpace space, bool wantInterruptWindow)
    {
        if (_segments.TryStartOver())
        {
            _selectors.Reset(_window);
        }

        if (_mode == ExecutionMode.Para)
        {
            _selectors.Prepare(space, _window);
            _switcher.Publish(wantsReturn: _retry.IsPending || State.NonMaskableBlocked);
            _window.Publish(State, wantInterruptWindow);
            (_publishedWish, _publishedIopl) = (wantInterruptWindow, State.Eflags & FlagBits.Iopl);
        }

        _context.LoadSystem(space.Stub);
    }

    /// <summary>The space for the guest's present translations, compared with its page tables if a TLB flush went by. Null when the guest
    /// needs the window's place and no other is free.</summary>
    private AddressSpace? TryEnterSpace()
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
        bool isReload = space is not null && space.Key == key;
        if (space is null || !isReload)
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
            StubCode code = space.Stub.Code;
            if (_gates != (code.Gate, code.UserGate))
            {
                _gates = (code.Gate, code.UserGate);
                _window.WriteGates(GateCode.Emit(_window.Base, code));
            }
        }

        if (space.ValidatedAt != _tlbEpoch)
        {
            space.ValidatedAt = _tlbEpoch;
            _selectors.Revalidate();
            _operands.Refresh();
            _pager.Validate(space, isReload);
        }

        // Looked at on every entry: a guest that maps something new needs no TLB flush to use it.
        if (_pager.UsesRam(_window.Base, MonitorWindow.Size))
        {
            return TryMoveWindow() ? TryEnterSpace() : null;
        }

        if (space.MappingCount > HostLimits.MappingsPerProcess)
        {
            space.CountMappings();
            if (space.MappingCount > HostLimits.MappingsPerProcess / 2)
            {
                space.Wipe();
                space.IsCrowded = true;
            }
        }

        return space;
    }

    /// <summary>Puts the window where the guest's page tables show no RAM. All copies and processes start anew.</summary>
    /// <returns>False when there is no such place.</returns>
    private bool TryMoveWindow()
    {
        _hasWindow = TryFindWindow(out uint target);
        if (!_hasWindow)
        {
            return false;
        }

        _accounts.WindowMove.Add(0);
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
        _gates = default;
        _isPublished = false;
        _selectors.Reset(_window);
        _switcher.Install(_window, features);
        _spaces.WindowBase = target;
        return true;
    }

    /// <summary>From the top down, from below the I/O APIC's page on; then round again, past the place that has just been found wanting.</summary>
    private bool TryFindWindow(out uint target)
    {
        const uint lowest = 0x1000_0000;
        target = _window.Base;
        for (uint tried = lowest; tried < MonitorWindow.DefaultBase; tried += MonitorWindow.Size)
        {
            target = target - MonitorWindow.Size >= lowest ? target - MonitorWindow.Size : MonitorWindow.DefaultBase;
            if (target >= Memory.Length && !_pager.UsesRam(target, MonitorWindow.Size))
            {
                return true;
            }
        }

        return false;
    }
}
