// The run loop of a virtual processor: run guest code, settle the exit, deliver what is pending, again.
using Runtime.Devices;
using Runtime.Engines;
using Runtime.Time;

namespace Runtime;

/// <summary>One virtual processor of a <see cref="VirtualMachine"/>. All devices are used on the thread that is in <see cref="Run"/>.</summary>
internal sealed class Vcpu : IDisposable
{
    private readonly IExecutionEngine _engine;
    private readonly VirtualMachine _machine;
    private readonly IClock _clock;
    private readonly ExitCounters _counters;
    private readonly ExitCounter[] _reasons;
    private readonly SymbolTable _symbols;
    private readonly ExitTrace? _trace;
    private readonly DeadlineQueue _deadlines;
    private readonly Pic8259Pair _pic;
    private readonly PortBus _bus;
    private readonly IWakeSignal _idle = WakeSignal.Create();
    private readonly Alarm _alarm;
    private volatile bool _isIdle;

    public Vcpu(IExecutionEngine engine, VirtualMachine machine, IClock clock, ExitCounters counters, SymbolTable symbols, ExitTrace? trace)
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
        _bus = machine.Platform.Bus;
        _alarm = new Alarm(clock, Ring);
    }

    public Outcome Run()
    {
        long now = _clock.Now;
        while (_machine.Outcome is null)
        {
            _deadlines.Advance(now);
            _alarm.Arm(_deadlines.Earliest);
            bool wantWindow = !TryInterrupt();
            long started = _clock.Now;
            VmExit exit = _engine.Run(wantWindow);
            long exited = _clock.Now;
            uint eip = _engine.State.Eip;
            _trace?.Write(exit, eip, _symbols);
            Settle(exit);
            now = _clock.Now;
            _counters.Record(_reasons[(int)exit.Reason], eip, exited - started, now - exited);
        }

        return _machine.Outcome;
    }

    public void Wake()
    {
        _engine.Kick();
        _idle.Set();
    }

    public void Dispose()
    {
        _alarm.Dispose();
        _idle.Dispose();
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

    /// <summary>Delivers a pending interrupt if the guest can take one. False when one waits for a window.</summary>
    private bool TryInterrupt()
    {
        if (!_pic.IsInterruptPending)
        {
            return true;
        }

        if (!_engine.State.InterruptsEnabled || _engine.State.InterruptShadow)
        {
            return false;
        }

        _engine.Interrupt(_pic.Acknowledge());
        return !_pic.IsInterruptPending;
    }

    /// <summary>Sleeps until an interrupt is pending. With interrupts off none will ever be taken: the machine ends.</summary>
    private void Halt()
    {
        if (!_engine.State.InterruptsEnabled)
        {
            _machine.End(Outcome.HaltedForGood);
            return;
        }

        _isIdle = true;
        while (!_pic.IsInterruptPending && _machine.Outcome is null)
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
    }

    /// <summary>On the alarm's thread: a processor that sleeps wakes by its own timeout.</summary>
    private void Ring()
    {
        if (!_isIdle)
        {
            _engine.Kick();
        }
    }
}
