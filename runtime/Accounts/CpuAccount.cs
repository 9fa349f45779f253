// The state machine of one virtual processor as its account sees it: blocked, waiting, running. Each change closes one stretch of time.
namespace Runtime.Accounts;

/// <summary>A guest's processor account. The dispatcher writes it, anybody may read it; every figure only grows.</summary>
public sealed class CpuAccount
{
    private enum Stretch
    {
        Blocked,
        Waiting,
        Running,
        Over,
    }

    private readonly Lock _lock = new();
    private CpuTimes _times;
    private CpuReading _charged;
    private Stretch _stretch;
    private long _since;

    /// <summary>The latest instant that anybody has been told the account of: what is written later with an older one must not take it back.</summary>
    private long _reported;

    /// <param name="now">The host's clock when the guest came into being, in nanoseconds.</param>
    public CpuAccount(long now) => _since = now;

    /// <summary>How often it was given a processor.</summary>
    public long Turns { get; private set; }

    /// <summary>The account up to an instant. What is being used in a turn that is not over is added at its end.</summary>
    public CpuTimes At(long now)
    {
        lock (_lock)
        {
            _reported = Math.Max(_reported, now);
            long open = Math.Max(0, now - _since);
            return _stretch switch
            {
                Stretch.Blocked => _times with { Blocked = _times.Blocked + open },
                Stretch.Waiting => _times with { Waiting = _times.Waiting + open },
                _ => _times,
            };
        }
    }

    public void Wait(long now) => Change(Stretch.Waiting, now);

    public void Block(long now) => Change(Stretch.Blocked, now);

    /// <summary>The guest has ended: from here on no time is its.</summary>
    public void End(long now) => Change(Stretch.Over, now);

    public void Grant(long now)
    {
        Change(Stretch.Running, now);
        Turns++;
    }

    /// <summary>The turn is over, or goes on and is to be accounted for up to here.</summary>
    /// <param name="forOther">Monitor time since the last reading that was spent for another guest's sake: it is stolen from this one.</param>
    /// <returns>What was used since the last reading for this guest, and what was used for the other one.</returns>
    public (long Own, long Other) Charge(CpuReading reading, long now, long forOther = 0)
    {
        lock (_lock)
        {
            now = Math.Max(now, _reported);
            long guest = Math.Max(0, reading.Guest - _charged.Guest), monitor = Math.Max(0, reading.Monitor - _charged.Monitor);
            long device = Math.Max(0, reading.Device - _charged.Device), backend = Math.Max(0, reading.Backend - _charged.Backend);
            _charged = reading;
            long other = Math.Clamp(forOther, 0, monitor);
            long inTurn = guest + monitor + device - other;
            long stolen = _stretch == Stretch.Running ? Math.Max(0, now - _since - inTurn) : other;
            _times += new CpuTimes(guest, monitor - other, device + backend, stolen, 0, 0);
            if (_stretch == Stretch.Running)
            {
                _since = now;
            }

            return (inTurn + backend, other);
        }
    }

    /// <summary>A back end worked for the guest on a thread of its own.</summary>
    public void AddDevice(long nanoseconds)
    {
        lock (_lock)
        {
            _times += new CpuTimes(0, 0, nanoseconds, 0, 0, 0);
        }
    }

    private void Change(Stretch next, long now)
    {
        lock (_lock)
        {
            now = Math.Max(now, _reported);
            long spent = Math.Max(0, now - _since);
            _times += _stretch switch
            {
                Stretch.Blocked => new CpuTimes(0, 0, 0, 0, 0, spent),
                Stretch.Waiting => new CpuTimes(0, 0, 0, 0, spent, 0),
                _ => default,
            };
            (_stretch, _since) = (next, now);
        }
    }
}
