// Brings the policy to the host: who has been chosen runs, on a processor of the host that is his for a while; who runs too long or in
// somebody's way is kicked. All decisions are made under one lock, on the thread that has news; one thread waits for the ends of slices.
using Runtime.Accounts;
using Runtime.Time;

namespace Runtime.Scheduling;

/// <summary>Shares some processors of the host among guests.</summary>
/// <param name="processors">The host's numbers of the processors that guests may use.</param>
public sealed class Dispatcher : IDisposable
{
    /// <summary>A turn that nobody contests is accounted for at least this often.</summary>
    private const long CheckpointNanoseconds = 50_000_000;

    /// <summary>Who slept for less is not asked what its back ends did meanwhile: the end of its turn tells. Clocks of threads are system calls,
    /// and a guest that is woken all the time would pay for little else.</summary>
    private const long ShortSleepNanoseconds = 1_000_000;

    private readonly Lock _lock = new();
    private readonly StrideScheduler _policy;
    private readonly IReadOnlyList<int> _processors;
    private readonly IClock _clock;
    private readonly ProcessorTurn?[] _running;

    /// <summary>By processor: whose turn was last, and when it was asked to end; 0 when it ended by itself.</summary>
    private readonly (ProcessorTurn? Turn, long AskedAt)[] _released;
    private readonly Dictionary<ShareClient, ProcessorTurn> _turns = [];
    private readonly IWakeSignal _earlier = WakeSignal.Create();
    private readonly Thread _timer;
    private long _sleepingUntil;
    private volatile bool _isStopped;
    private long _timerThread;

    public Dispatcher(StrideScheduler policy, IReadOnlyList<int> processors, IClock clock)
    {
        (_policy, _processors, _clock) = (policy, processors, clock);
        _running = new ProcessorTurn?[processors.Count];
        _released = new (ProcessorTurn?, long)[processors.Count];
        _timer = new Thread(WatchSlices) { Name = "slices", IsBackground = true };
        _timer.Start();
    }

    /// <summary>Switches from one guest to another.</summary>
    public SwitchStatistic Switches { get; } = new();

    /// <summary>Processor time of the thread that watches slices.</summary>
    public long OwnNanoseconds => HostThread.TimeOfThread((int)Interlocked.Read(ref _timerThread));

    /// <summary>A guest's place, before it first runs.</summary>
    /// <param name="meter">Null for a guest without an account: what it has used is then taken from the clock.</param>
    public ProcessorTurn Admit(ShareClient client, CpuAccount account, ICpuMeter? meter, Action kick, Action<int> bind)
    {
        var turn = new ProcessorTurn(this, client, account, meter, kick, bind);
        lock (_lock)
        {
            _policy.Add(client);
            _turns.Add(client, turn);
        }

        return turn;
    }

    /// <summary>A guest stops where it is until it is resumed; its devices' clocks go on.</summary>
    public void Pause(ProcessorTurn turn)
    {
        lock (_lock)
        {
            turn.IsPaused = true;
            if (IsRunning(turn))
            {
                AskToYield(turn, _clock.Now);
            }
            else if (turn.Client.State == ClientState.Ready)
            {
                _policy.Block(turn.Client, _clock.Now);
                turn.Account.Block(_clock.Now);
            }
        }
    }

    public void Resume(ProcessorTurn turn)
    {
        lock (_lock)
        {
            turn.IsPaused = false;
            if (turn.WantsToRun && !IsRunning(turn))
            {
                MakeReady(turn, _clock.Now);
            }
        }
    }

    /// <summary>A turn that was granted really begins, on its own thread.</summary>
    internal void Began(long switchedSince)
    {
        if (switchedSince > 0)
        {
            Switches.Add(_clock.Now - switchedSince);
        }
    }

    internal long Now => _clock.Now;

    internal int ProcessorOf(ProcessorTurn turn) => turn.Slot < 0 ? -1 : _processors[turn.Slot];

    internal void Enter(ProcessorTurn turn)
    {
        CpuReading? reading = _clock.Now - turn.LeftAt < ShortSleepNanoseconds ? null : turn.Read();
        lock (_lock)
        {
            long now = _clock.Now;
            long own = reading is { } slept ? turn.Account.Charge(slept, now).Own : 0;
            if (turn.Account.Turns > 0)
            {
                // Its back ends worked while it slept, on processors that are shared as well. Start-up is nobody's loss.
                ChargeRunning(now);
                _policy.Charge(turn.Client, own, now);
            }

            turn.WantsToRun = true;
            MakeReady(turn, now);
        }
    }

    internal void Yield(ProcessorTurn turn)
    {
        CpuReading reading = turn.Read();
        lock (_lock)
        {
            long now = Release(turn, reading);
            if (turn.IsPaused)
            {
                _policy.Block(turn.Client, now);
                turn.Account.Block(now);
            }
            else
            {
                _policy.Requeue(turn.Client);
                turn.Account.Wait(now);
            }

            Dispatch(now);
        }
    }

    internal void Block(ProcessorTurn turn)
    {
        CpuReading reading = turn.Read();
        lock (_lock)
        {
            long now = Release(turn, reading);
            turn.WantsToRun = false;
            _policy.Block(turn.Client, now);
            turn.Account.Block(now);
            Dispatch(now);
        }
    }

    /// <summary>A machine is gone.</summary>
    internal void Leave(ProcessorTurn turn)
    {
        CpuReading reading = turn.Read();
        lock (_lock)
        {
            long now = _clock.Now;
            if (IsRunning(turn))
            {
                now = Release(turn, reading);
                _policy.Block(turn.Client, now);
            }
            else
            {
                turn.Account.Charge(reading, now);
            }

            turn.Account.Block(now);
            _turns.Remove(turn.Client);
            _policy.Remove(turn.Client, now);
            Dispatch(now);
        }
    }

    public void Dispose()
    {
        _isStopped = true;
        _earlier.Set();
        _timer.Join();
        _earlier.Dispose();
    }

    private bool IsRunning(ProcessorTurn turn) => turn.Slot >= 0 && _running[turn.Slot] == turn;

    private void MakeReady(ProcessorTurn turn, long now)
    {
        if (turn.IsPaused)
        {
            return;
        }

        ChargeRunning(now);
        _policy.Wake(turn.Client, now);
        turn.Account.Wait(now);
        if (Array.IndexOf(_running, null) < 0)
        {
            PreemptFor(turn, now);
        }

        Dispatch(now);
    }

    /// <summary>Takes a processor for a guest that has just woken from the one whose turn matters least, if that is fair.</summary>
    private void PreemptFor(ProcessorTurn woken, long now)
    {
        ProcessorTurn victim = _running.Where(turn => turn!.PreemptedFor is null).MaxBy(turn => turn!.Client.Deadline)!;
        if (victim is not null && _policy.Preempts(woken.Client, victim.Client))
        {
            victim.PreemptedFor = woken;
            victim.ThreadTimeAtPreemption = HostThread.TimeOfThread(victim.ThreadId);
            AskToYield(victim, now);
        }
    }

    /// <summary>Ends a turn: what was charged by the clock is made right by the meter, and what the victim of a preemption did to leave is
    /// charged to the guest that wanted it.</summary>
    private long Release(ProcessorTurn turn, CpuReading reading)
    {
        turn.Revoke();
        long now = _clock.Now;
        ProcessorTurn? culprit = turn.PreemptedFor;
        long leaving = culprit is null ? 0 : HostThread.TimeOfCaller() - turn.ThreadTimeAtPreemption;
        (long own, long other) = turn.IsMetered ? turn.Account.Charge(reading, now, leaving) : (now - turn.GrantedAt, 0);
        _policy.Charge(turn.Client, own - turn.Provisional, now);
        if (other > 0)
        {
            culprit!.Account.AddDevice(other);
            _policy.Charge(culprit.Client, other, now);
        }

        (turn.Provisional, turn.PreemptedFor) = (0, null);
        _running[turn.Slot] = null;
        _released[turn.Slot] = (turn, turn.AskedAt);
        (turn.AskedAt, turn.LeftAt) = (0, now);
        return now;
    }

    /// <summary>Gives free processors to whoever the policy chooses.</summary>
    private void Dispatch(long now)
    {
        ChargeRunning(now);
        for (int free = Array.IndexOf(_running, null); free >= 0; free = Array.IndexOf(_running, null))
        {
            if (_policy.Pick(now, out long slice) is not ShareClient client)
            {
                break;
            }

            ProcessorTurn turn = _turns[client];
            // Where it ran last, if that is free: caches and bindings are still right.
            int slot = turn.Slot >= 0 && _running[turn.Slot] is null ? turn.Slot : free;
            _running[slot] = turn;
            (turn.Slot, turn.GrantedAt, turn.ChargedUntil, turn.Provisional, turn.SliceEnd) = (slot, now, now, 0, now + slice);
            turn.Account.Grant(now);
            (ProcessorTurn? last, long asked) = _released[slot];
            turn.Grant(last == turn ? 0 : asked);
        }

        if (NextDeadline(now) < Interlocked.Read(ref _sleepingUntil))
        {
            _earlier.Set();
        }
    }

    private void ChargeRunning(long now)
    {
        foreach (ProcessorTurn? turn in _running)
        {
            if (turn is not null && now > turn.ChargedUntil)
            {
                long elapsed = now - turn.ChargedUntil;
                turn.Provisional += elapsed;
                turn.ChargedUntil = now;
                _policy.Charge(turn.Client, elapsed, now);
            }
        }
    }

    private long NextDeadline(long now)
    {
        long next = _policy.NextBudget(now);
        bool isContested = IsContested();
        foreach (ProcessorTurn? turn in _running)
        {
            if (turn is { MustYield: false })
            {
                next = Math.Min(next, EndOf(turn, isContested));
            }
        }

        return next;
    }

    private bool IsContested() => _turns.Keys.Any(client => client.State == ClientState.Ready);

    private static long EndOf(ProcessorTurn turn, bool isContested)
        => isContested || turn.Client.Cap < 1 ? turn.SliceEnd : turn.GrantedAt + CheckpointNanoseconds;

    private void WatchSlices()
    {
        HostThread.BePunctual();
        Interlocked.Exchange(ref _timerThread, HostThread.Id);
        while (!_isStopped)
        {
            long next;
            long now;
            lock (_lock)
            {
                now = _clock.Now;
                EndSlices(now);
                next = NextDeadline(now);
                Interlocked.Exchange(ref _sleepingUntil, next);
            }

            _earlier.Wait(next == DeadlineQueue.Never ? next : next - now);
        }
    }

    private void EndSlices(long now)
    {
        if (Array.IndexOf(_running, null) >= 0)
        {
            Dispatch(now);
        }

        bool isContested = IsContested();
        foreach (ProcessorTurn? turn in _running)
        {
            if (turn is { MustYield: false } && EndOf(turn, isContested) <= now)
            {
                AskToYield(turn, now);
            }
        }
    }

    private static void AskToYield(ProcessorTurn turn, long now)
    {
        turn.AskedAt = now;
        turn.AskToYield();
    }
}
