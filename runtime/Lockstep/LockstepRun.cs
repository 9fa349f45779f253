// The same kernel on two engines at once. The subject runs to its next exit, the reference is brought to the same instruction, both are compared.
//
//   agree -> subject.Run -> reference follows -> compare -> settle the exit on both boards -> agree ...
//
// Time stands still while guest code runs, and interrupts are delivered at agreements only: so both take them at the same instruction.
using Runtime.Engines;
using Runtime.Engines.Interpreter;

namespace Runtime.Lockstep;

/// <summary>How far two machines are compared.</summary>
/// <param name="Instructions">Of the reference, in all.</param>
/// <param name="Patience">Instructions for which the reference may look for the subject's state.</param>
internal sealed record LockstepLimits(long Instructions, long Patience)
{
    /// <summary>Wall time; null for none.</summary>
    public TimeSpan? Time { get; init; }
}

/// <summary>Runs two machines until they differ, end, or a limit is reached.</summary>
internal sealed class LockstepRun
{
    /// <summary>Nanoseconds of guest time for an instruction: slow enough that timers do not drown what they interrupt.</summary>
    private const long InstructionTime = 10;

    /// <summary>Nanoseconds that a waiting processor waits at least.</summary>
    private const long ShortestWait = 1000;

    /// <summary>After how long a subject that does not exit by itself is called back.</summary>
    private static readonly TimeSpan KickAfter = TimeSpan.FromMilliseconds(2);

    /// <summary>Agreements between two comparisons of all of RAM and of the floating-point registers.</summary>
    private const int WholeInterval = 20_000;

    /// <summary>Times at which registers may be the same with other memory, before that is taken for the difference.</summary>
    private const int MostCandidates = 20_000;

    private readonly LockstepSide _reference;
    private readonly LockstepSide _subject;
    private readonly ISteppableEngine _engine;
    private readonly Cpu _cpu;
    private readonly LockstepLimits _limits;
    private readonly Allowances _allowances;
    private readonly long _started = System.Diagnostics.Stopwatch.GetTimestamp();
    private long _skipped = 1_000_000_000;
    private bool _hypervisorStored;
    private bool _canRewind;
    private long _agreedAt;

    /// <param name="reference">On the interpreter.</param>
    /// <param name="subject">On an <see cref="ISteppableEngine"/>.</param>
    public LockstepRun(LockstepSide reference, LockstepSide subject, LockstepLimits limits)
    {
        (_reference, _subject, _limits) = (reference, subject, limits);
        _engine = (ISteppableEngine)subject.Engine;
        _engine.ReturnsAtEachExit = true;
        _cpu = ((InterpreterEngine)reference.Engine).Cpu;
        Ram = new RamComparison(_cpu, reference.Memory, subject.Memory);
        Trail = new InstructionTrail(_cpu, reference.Memory);
        AgreedState = new AgreedState(reference, subject);
        _allowances = new Allowances(reference, subject, Trail, _cpu);
    }

    public RamComparison Ram { get; }

    /// <summary>What the reference has executed.</summary>
    public InstructionTrail Trail { get; }

    public AgreedState AgreedState { get; }

    /// <summary>Times at which both were compared.</summary>
    public long Agreements { get; private set; }

    public long Interrupts { get; private set; }

    public long Instructions => _cpu.InstructionsRetired;

    /// <summary>Differences that were none.</summary>
    public Allowances Allowances => _allowances;

    /// <summary>How it ended for the guest; null when a limit was reached or a difference found.</summary>
    public Outcome? Outcome { get; private set; }

    /// <summary>Runs until the end.</summary>
    /// <returns>The first difference; null for none.</returns>
    public Divergence? Run()
    {
        Ram.AgreeOnAll();
        using var kicker = new Timer(_ => _engine.Kick(), null, KickAfter, KickAfter);
        while (Instructions < _limits.Instructions && (_limits.Time is not { } time || System.Diagnostics.Stopwatch.GetElapsedTime(_started) < time))
        {
            if (RunStretch() is { } divergence)
            {
                kicker.Change(Timeout.Infinite, Timeout.Infinite);
                return _canRewind ? new CulpritSearch(this, _reference, _subject).Refine(divergence, Instructions - _agreedAt) : divergence;
            }

            if ((_reference.Machine.Outcome ?? _subject.Machine.Outcome) is { } outcome)
            {
                Outcome = outcome;
                break;
            }
        }

        return CompareWhole();
    }

    /// <summary>From one agreement to the next.</summary>
    private Divergence? RunStretch()
    {
        SetClocks();
        _reference.Advance();
        _subject.Advance();
        _canRewind = false;
        if (TryInterrupt(out bool isWanted) is { } unequal)
        {
            return unequal;
        }

        Agree();
        (_agreedAt, _canRewind) = (Instructions, true);
        VmExit exit = _engine.Run(isWanted);
        // Native FXSAVE shows the host's.
        _cpu.MxcsrMask = _subject.Processor?.MxcsrMask ?? _cpu.MxcsrMask;
        if (!IsRequest(exit.Reason))
        {
            FinishString();
        }

        Divergence? divergence = IsRequest(exit.Reason) ? FollowToRequest(exit) : FollowToState();
        if (divergence is not null)
        {
            return divergence;
        }

        if (++Agreements % WholeInterval == 0 && CompareWhole() is { } hidden)
        {
            return hidden;
        }

        _canRewind = false;
        SetClocks();
        return Settle(exit);
    }

    private static bool IsRequest(VmExitReason reason) => reason is not (VmExitReason.None or VmExitReason.Kicked or VmExitReason.InterruptWindow);

    /// <summary>The same instruction is the same time on both sides.</summary>
    private void SetClocks()
    {
        long time = (Instructions * InstructionTime) + _skipped;
        _reference.Clock.MoveTo(time);
        _subject.Clock.MoveTo(time);
    }

    private void Agree()
    {
        if (_hypervisorStored)
        {
            _hypervisorStored = false;
            Ram.AgreeOnAll();
        }

        Ram.Agree();
        Trail.Agree();
        AgreedState.Keep();
    }

    private Divergence? TryInterrupt(out bool isWanted)
    {
        isWanted = false;
        bool isPending = _reference.IsInterruptPending;
        if (isPending != _subject.IsInterruptPending)
        {
            return Different("an interrupt is pending on one board only", []);
        }

        if (!isPending)
        {
            return null;
        }

        if (!_reference.CanTakeInterrupt || !_subject.CanTakeInterrupt)
        {
            isWanted = true;
            return null;
        }

        byte? expected = _reference.Interrupt(), found = _subject.Interrupt();
        Interrupts++;
        return expected == found ? null : Different("the boards interrupt with different vectors", [new FieldDifference("vector", $"{expected:x2}", $"{found:x2}")]);
    }

    /// <summary>The subject asks for something: the reference has to come to ask for the same.</summary>
    private Divergence? FollowToRequest(in VmExit asked)
    {
        for (long i = 0; i < _limits.Patience; i++)
        {
            Trail.Add();
            VmExit exit = _cpu.Step();
            if (exit.Reason == VmExitReason.None)
            {
                continue;
            }

            return exit == asked ? CompareState() : Different("they ask for different things", [new FieldDifference("exit", Describe(exit), Describe(asked))]);
        }

        return Different($"the subject asks for {Describe(asked)}; the reference does not within {_limits.Patience:N0} instructions", []);
    }

    /// <summary>The subject stopped between two instructions: the reference has to come by in the same state.</summary>
    private Divergence? FollowToState()
    {
        Divergence? candidate = null, nearest = null;
        int fewest = int.MaxValue, candidates = 0;
        for (long i = 0; i <= _limits.Patience && candidates <= MostCandidates; i++)
        {
            if (StateComparison.MayBeSame(_reference.State, _subject.State))
            {
                Divergence? difference = CompareState();
                if (difference is null)
                {
                    return null;
                }

                // In a loop the same registers may come again with other memory.
                candidate ??= difference;
                candidates++;
            }

            else if (_reference.State.Eip == _subject.State.Eip && StateComparison.DifferingRegisters(_reference.State, _subject.State) is int differing && differing < fewest)
            {
                fewest = differing;
                nearest = Different("the reference has not come to the subject's state; at the same instruction it was nearest to it with", Differences());
            }

            Trail.Add();
            VmExit exit = _cpu.Step();
            if (exit.Reason != VmExitReason.None)
            {
                return candidate ?? nearest ?? Different($"the reference asks for {Describe(exit)} before it has come to the subject's state", Differences());
            }
        }

        return candidate ?? nearest ?? Different($"the reference has not come to the subject's state within {_limits.Patience:N0} instructions", Differences());
    }

    /// <summary>Both should be in the same state: registers, and the pages that the reference has written.</summary>
    public Divergence? CompareState()
    {
        List<FieldDifference> fields = Differences();
        if (fields.Count > 0 && _allowances.TryMendRegisters())
        {
            fields = Differences();
        }

        if (fields.Count > 0)
        {
            return Different("registers differ", fields);
        }

        if (_reference.Clock.Current != _subject.Clock.Current)
        {
            return Different(
                "one has read its time-stamp counter more often", [new FieldDifference("time", _reference.Clock.Current.ToString(), _subject.Clock.Current.ToString())]);
        }

        while (Ram.CompareWritten() is { } difference)
        {
            if (!_allowances.TryMend(difference))
            {
                return Different("memory differs", [], difference);
            }
        }

        // An inline shim of STI casts no shadow; the window that it opens is then the same for both.
        _reference.State.InterruptShadow = _subject.State.InterruptShadow;
        _allowances.MendFlags();
        return null;
    }

    /// <summary>All of RAM and the floating-point registers, which exits leave alone.</summary>
    private Divergence? CompareWhole()
    {
        _engine.StoreFpu();
        List<FieldDifference> fields = [.. StateComparison.CompareFpu(_reference.State, _subject.State)];
        if (fields.Count > 0)
        {
            return Different("floating-point registers differ; they were last compared up to 20,000 exits ago", fields);
        }

        return Ram.CompareAll() is { } difference
            ? Different("memory differs where the reference has not stored since the last agreement; all of it was last compared up to 20,000 exits ago", [], difference)
            : null;
    }

    private List<FieldDifference> Differences()
    {
        VcpuState reference = _reference.State, subject = _subject.State;
        bool sameFlags = ((reference.Eflags ^ subject.Eflags) & ~FlagBits.Rf) == 0;
        return [.. StateComparison.Compare(reference, subject, sameFlags ? 0 : Trail.UndefinedFlags().Now)];
    }

    /// <summary>An interruption may have struck between two elements: the subject completes the instruction, for the reference knows whole ones only.</summary>
    private void FinishString()
    {
        uint eip = _subject.State.Eip;
        if (Trail.IsRepeated(eip))
        {
            while (_subject.State.Eip == eip && _engine.Interpret().Reason == VmExitReason.None)
            {
            }
        }
    }

    private Divergence? Settle(in VmExit exit)
    {
        Func<bool>? reference = _reference.Settle(exit), subject = _subject.Settle(exit);
        // Hypercalls and runstates are stored without telling the processor.
        _hypervisorStored |= _reference.Machine.Xen is not null && exit.Reason is VmExitReason.XenHypercall or VmExitReason.Halt;
        if ((reference is null) != (subject is null))
        {
            return Different("one processor is to wait, the other is not", []);
        }

        return reference is null ? null : Wait(reference, subject!);
    }

    /// <summary>Both processors wait for what their devices bring about: time goes on to it.</summary>
    private Divergence? Wait(Func<bool> reference, Func<bool> subject)
    {
        _reference.Block();
        _subject.Block();
        while (!reference() && _reference.Machine.Outcome is null)
        {
            long next = Math.Min(_reference.Deadline, _subject.Deadline);
            if (next == Time.DeadlineQueue.Never)
            {
                _reference.Machine.End(Outcome.HaltedForGood);
                break;
            }

            // A device that is due still may need time to have gone by.
            long time = Math.Max(_reference.Clock.Current + ShortestWait, next);
            _skipped = Math.Max(_skipped, time - (Instructions * InstructionTime));
            SetClocks();
            _reference.Advance();
            _subject.Advance();
        }

        bool isAlike = subject() == reference();
        _reference.Unblock();
        _subject.Unblock();
        return isAlike ? null : Different("one processor goes on waiting", []);
    }

    private static string Describe(in VmExit exit) => exit.Reason switch
    {
        VmExitReason.PortRead => $"a read of {exit.Size} bytes from port 0x{exit.Port:x}",
        VmExitReason.PortWrite => $"a write of 0x{exit.Value:x}, {exit.Size} bytes, to port 0x{exit.Port:x}",
        _ => exit.Detail is null ? exit.Reason.ToString() : $"{exit.Reason} ({exit.Detail})",
    };

    private Divergence Different(string what, IReadOnlyList<FieldDifference> fields, RamDifference? memory = null)
        => new(what, fields, memory, Instructions, _reference.State.ToString(), _subject.State.ToString());
}
