// The run loop of a virtual processor: run guest code, settle the exit, deliver what is pending, again.
using Runtime.Devices;
using Runtime.Engines;
using Runtime.Scheduling;
using Runtime.Time;

namespace Runtime;

/// <summary>One virtual processor of a <see cref="VirtualMachine"/>. All devices are used on the thread that is in <see cref="Run"/>.</summary>
internal sealed class Vcpu : IDisposable
{
    /// <summary>Nanoseconds.</summary>
    private const long DevicePatience = 50_000;

    private readonly IExecutionEngine _engine;
    private readonly VirtualMachine _machine;
    private readonly IClock _clock;
    private readonly ExitCounters _counters;
    private readonly ExitCounter[] _reasons;
    private readonly SymbolTable _symbols;
    private readonly ExitTrace? _trace;
    private readonly DeadlineQueue _deadlines;
    private readonly Pic8259Pair _pic;
    private readonly IInterruptSource _interrupts;
    private readonly PortBus _bus;
    private readonly IWakeSignal _idle = WakeSignal.Create();
    private readonly Alarm _alarm;
    private readonly XenPlatform? _xen;
    private readonly Func<bool> _hasInterrupt;
    private int _thread;
    private readonly IProcessorGate _gate;
    private volatile bool _isIdle;
    private volatile bool _isDue;
    private long _armed = -1;

    public Vcpu(IExecutionEngine engine, VirtualMachine machine, IClock clock, ExitCounters counters, SymbolTable symbols, ExitTrace? trace, IProcessorGate gate)
    {
        _engine = engine;
        _machine = machine;
        _clock = clock;
        _counters = counters;
        _reasons = [.. Enum.GetNames<VmExitReason>().Select(counters.Open)];
        _symbols = symbols;
        _trace = trace;
        _deadlines = machine.Platform.Deadlines;
        _pic = machine.Platform.Pic;
        _interrupts = machine.Platform.Interrupts;
        _bus = machine.Platform.Bus;
        _xen = machine.Xen;
        _hasInterrupt = () => _interrupts.IsInterruptPending || _xen is { IsUpcallPending: true };
        _alarm = new Alarm(clock, Ring);
        _gate = gate;
    }

    /// <summary>Time spent in <see cref="Run"/>, less what went into settling exits.</summary>
    public long GuestNanoseconds { get; private set; }

    public Outcome Run()
    {
        _thread = Environment.CurrentManagedThreadId;
        _gate.Enter();
        long started = _clock.Now;
        while (_machine.Outcome is null)
        {
            if (_gate.MustYield)
            {
                _deadlines.Advance(_clock.Now); // back ends may have put off what they find in their rings
                _gate.Yield();
                _xen?.PublishRunstate();
                continue;
            }

            AdvanceDevices();
            VmExit exit = Enter(wantInterruptWindow: !TryInterrupt());
            _trace?.Write(exit, _engine.State.Eip, _symbols);
            Account(exit);
        }

        GuestNanoseconds = Math.Max(0, _clock.Now - started - _counters.SettlingNanoseconds);
        return _machine.Outcome;
    }

    /// <summary>Processor time of the thread that rings for this processor.</summary>
    public long AlarmNanoseconds => _alarm.ProcessorNanoseconds;

    /// <summary>Makes the run loop look at devices and events. It does so anyway when it asks for it itself.</summary>
    public void Wake()
    {
        if (Environment.CurrentManagedThreadId == _thread)
        {
            return;
        }

        // One that sleeps looks at everything before it runs guest code again: a kick would only send it back from there.
        Interlocked.MemoryBarrier();
        if (!_isIdle)
        {
            _engine.Kick();
        }

        _idle.Set();
    }

    public void Dispose()
    {
        _alarm.Dispose();
        _idle.Dispose();
    }

    /// <summary>Runs the guest, and performs what it posted on the way. A trace shows every access, so then it may post none.</summary>
    private VmExit Enter(bool wantInterruptWindow)
    {
        if (_engine.Posted is not PostedWrites posted)
        {
            return _engine.Run(wantInterruptWindow);
        }

        posted.Allow(_trace is null && _pic.IsQuiet, _pic.Master.Mask, _pic.Slave.Mask);
        VmExit exit = _engine.Run(wantInterruptWindow);
        foreach (PortWrite write in posted.Pending)
        {
            _bus.Write(write.Port, 1, write.Value);
        }

        posted.Clear();
        return exit;
    }

    /// <summary>Lets devices catch up when something is due, and arms the alarm when that has changed. Otherwise no clock is read.</summary>
    private void AdvanceDevices()
    {
        long earliest = _deadlines.Earliest;
        if (earliest == _armed && !_isDue)
        {
            return;
        }

        _isDue = false;
        _deadlines.Advance(_clock.Now);
        _armed = _deadlines.Earliest;
        _alarm.Arm(_armed);
    }

    private void Account(in VmExit exit)
    {
        ExitCounter reason = _reasons[(int)exit.Reason];
        uint eip = _engine.State.Eip;
        ref HotSites.Site site = ref _counters.SiteOf(eip);
        if (_counters.WantsTiming(ref site))
        {
            long exited = _clock.Now;
            Settle(exit);
            _counters.Record(reason, eip, _clock.Now - exited);
        }
        else
        {
            Settle(exit);
            _counters.RecordUntimed(reason, ref site);
        }
    }

    private void Settle(in VmExit exit)
    {
        switch (exit.Reason)
        {
            case VmExitReason.PortRead:
                _engine.CompletePortRead(_bus.Read(exit.Port, exit.Size));
                break;
            case VmExitReason.PortWrite:
                _bus.Write(exit.Port, exit.Size, exit.Value);
                break;
            case VmExitReason.Halt:
                Halt();
                break;
            case VmExitReason.InterruptWindow or VmExitReason.Kicked or VmExitReason.None:
                break;
            case VmExitReason.Hypercall:
                Settle(_machine.Hypercalls!.Perform(exit.Value, out Func<bool>? shimWait));
                if (shimWait is not null)
                {
                    Sleep(shimWait);
                }

                break;
            case VmExitReason.XenHypercall:
                if (_xen!.Perform(_engine.State) is { } isOver)
                {
                    Sleep(isOver);
                }

                break;
            case VmExitReason.Shutdown:
                _machine.Kill("triple fault at " + _symbols.Describe(_engine.State.Eip));
                break;
            case VmExitReason.Impossible:
                _machine.Kill($"{exit.Detail} at {_symbols.Describe(_engine.State.Eip)}");
                break;
            default:
                throw new InvalidOperationException($"unknown exit reason {exit.Reason}");
        }
    }

    /// <summary>Delivers a pending upcall or interrupt if the guest can take one. False when one waits for a window.</summary>
    private bool TryInterrupt()
    {
        if (!_engine.State.NonMaskableBlocked && _interrupts.TryTakeNonMaskable())
        {
            _engine.InterruptNonMaskable();
        }

        if (_xen is not null && _xen.TryPendingVector(out byte upcall))
        {
            if (!_engine.State.InterruptsEnabled || _engine.State.InterruptShadow)
            {
                return false;
            }

            if (_xen.TrySettleUpcall())
            {
                // Pending until the guest clears it, which its handler does first; what comes after that wakes the processor anew.
                _engine.Interrupt(upcall);
                return !_interrupts.IsInterruptPending;
            }
        }

        if (!_interrupts.IsInterruptPending)
        {
            return true;
        }

        if (!_engine.State.InterruptsEnabled || _engine.State.InterruptShadow)
        {
            return false;
        }

        _engine.Interrupt(_interrupts.Acknowledge());
        return !_interrupts.IsInterruptPending;
    }

    /// <summary>Sleeps until an interrupt is pending. With interrupts off none will ever be taken: the machine ends.</summary>
    private void Halt()
    {
        if (!_engine.State.InterruptsEnabled)
        {
            _machine.End(Outcome.HaltedForGood);
            return;
        }

        Sleep(_hasInterrupt);
    }

    /// <summary>Sleeps until a condition holds that devices or events bring about, or the machine ends.</summary>
    private void Sleep(Func<bool> isOver)
    {
        _xen?.TrySettleUpcall();
        _xen?.Runstate.Enter(Abi.Xen.Runstate.Blocked);
        _isIdle = true;
        Interlocked.MemoryBarrier();
        AwaitDevice(isOver);
        _gate.Block();
        while (!isOver() && _machine.Outcome is null)
        {
            long now = _clock.Now;
            long next = _deadlines.Earliest;
            if (next <= now)
            {
                _deadlines.Advance(now);
                continue;
            }

            _idle.Wait(next == DeadlineQueue.Never ? next : next - now);
        }

        _isIdle = false;
        Interlocked.MemoryBarrier();
        _gate.Enter();
        _engine.Halted();
        if (_xen is not null)
        {
            _xen.Runstate.Enter(Abi.Xen.Runstate.Running);
            _xen.PublishRunstate();
        }
    }

    /// <summary>A back end that is at work answers soon, as a rule; to fall asleep and to be woken takes longer than that.</summary>
    private void AwaitDevice(Func<bool> isOver)
    {
        if (Environment.ProcessorCount == 1 || _xen is not { IsAwaitingDevice: true })
        {
            return;
        }

        long end = _clock.Now + DevicePatience;
        while (!isOver() && _machine.Outcome is null && _clock.Now < end)
        {
            Thread.SpinWait(20);
        }
    }

    /// <summary>On the alarm's thread: a processor that sleeps wakes by its own timeout.</summary>
    private void Ring()
    {
        _isDue = true;
        Interlocked.MemoryBarrier();
        if (!_isIdle)
        {
            _engine.Kick();
        }
    }
}
