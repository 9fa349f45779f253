using Runtime.Abi.Xen;
using Runtime.Events;
using Runtime.Time;

namespace Runtime.Paravirt.Xen;

/// <summary>The timers that hypercalls set, on system time: nanoseconds of the machine's clock. They raise VIRQ_TIMER.</summary>
internal sealed class VcpuTimers(EventChannels events, IClock clock) : ITimedDevice
{
    /// <summary>No period is shorter: a guest cannot ask for nothing but timer events (Xen: MILLISECS(1)).</summary>
    public const ulong ShortestPeriod = 1_000_000;

    private long _singleshot = DeadlineQueue.Never;
    private long _periodic = DeadlineQueue.Never;
    private long _period;
    private long _poll = DeadlineQueue.Never;

    public long NextDeadline => Math.Min(Math.Min(_singleshot, _periodic), _poll);

    /// <summary>System time.</summary>
    public long Now => clock.Now;

    /// <summary>The time of SCHEDOP_poll has passed.</summary>
    public bool IsPollOver { get; private set; }

    /// <param name="deadline">Absolute; 0 stops the timer.</param>
    public void SetSingleshot(ulong deadline) => _singleshot = deadline == 0 ? DeadlineQueue.Never : Absolute(deadline);

    public void StopSingleshot() => _singleshot = DeadlineQueue.Never;

    public void SetPeriodic(ulong period)
    {
        _period = Absolute(period);
        _periodic = checked(Math.Min(DeadlineQueue.Never - clock.Now - 1, _period) + clock.Now);
    }

    public void StopPeriodic() => _periodic = DeadlineQueue.Never;

    /// <param name="deadline">Absolute; 0 for none.</param>
    public void StartPoll(ulong deadline)
    {
        IsPollOver = false;
        _poll = deadline == 0 ? DeadlineQueue.Never : Absolute(deadline);
    }

    public void Advance(long now)
    {
        bool isDue = false;
        if (now >= _singleshot)
        {
            _singleshot = DeadlineQueue.Never;
            isDue = true;
        }

        if (now >= _periodic)
        {
            // Ticks that were missed are missed.
            _periodic += (1 + (now - _periodic) / _period) * _period;
            isDue = true;
        }

        if (now >= _poll)
        {
            _poll = DeadlineQueue.Never;
            IsPollOver = true;
        }

        if (isDue)
        {
            events.RaiseVirq(Virq.Timer);
        }
    }

    private static long Absolute(ulong nanoseconds) => (long)Math.Min(nanoseconds, long.MaxValue - 1);
}
