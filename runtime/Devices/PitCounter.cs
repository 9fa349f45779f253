// The counting element of one 8254 channel: what count and output are at an instant, in closed form. Time is in clock pulses.
namespace Runtime.Devices;

/// <summary>Counts down in one of the six modes (8254 data sheet, "Mode definitions"). Its registers are in <see cref="PitChannel"/>.</summary>
internal sealed class PitCounter
{
    public const long Never = long.MaxValue;

    private long _start;
    private long _period = 0x10000;
    private long _nextPeriod;
    private long _pausedAt = -1;
    private bool _isRunning;
    private bool _hasCount;

    public int Mode { get; private set; }

    public bool IsBcd { get; private set; }

    public bool Gate { get; private set; } = true;

    /// <summary>Clock pulses from one rise of OUT to the next, where they repeat.</summary>
    public long Period => _period;

    private bool IsPeriodic => Mode is 2 or 3;

    private bool IsGateTriggered => Mode is 1 or 5;

    private long Modulus => IsBcd ? 10_000 : 0x10000;

    /// <summary>A control word: counting stops until a count is written; OUT goes low in mode 0 and high in all others.</summary>
    public void SetMode(int mode, bool isBcd)
    {
        Mode = mode > 5 ? mode & 3 : mode; // 8254: bit 2 of the mode is "don't care" for modes 2 and 3
        IsBcd = isBcd;
        _isRunning = _hasCount = false;
        _nextPeriod = 0;
        _pausedAt = -1;
    }

    /// <summary>Mode 0: writing the first of two bytes stops the count and sets OUT low.</summary>
    public void Hold()
    {
        if (Mode == 0)
        {
            _isRunning = false;
        }
    }

    /// <param name="count">As written, binary or BCD; 0 stands for the largest count.</param>
    public void Load(int count, long now)
    {
        Settle(now);
        long period = IsBcd ? FromBcd(count) : count;
        period = period == 0 ? Modulus : period;
        if (IsPeriodic && _isRunning)
        {
            // 8254: a new count in modes 2 and 3 takes effect at the end of the current cycle.
            _nextPeriod = period;
            return;
        }

        _period = period;
        _hasCount = true;
        if (!IsGateTriggered)
        {
            Start(now);
            _pausedAt = Gate ? -1 : now;
        }
    }

    public void SetGate(bool level, long now)
    {
        if (Gate == level)
        {
            return;
        }

        Settle(now);
        Gate = level;
        if (IsGateTriggered || IsPeriodic)
        {
            // A rising edge reloads and starts; in modes 2 and 3 a low gate also stops the count and sets OUT high.
            _isRunning = level ? _hasCount : _isRunning && IsGateTriggered;
            _start = level ? now : _start;
        }
        else if (level && _pausedAt >= 0)
        {
            _start += now - _pausedAt;
            _pausedAt = -1;
        }
        else if (!level && _isRunning)
        {
            _pausedAt = now;
        }
    }

    /// <summary>The value of the counting element as the guest reads it, binary or BCD.</summary>
    public int Count(long now)
    {
        Settle(now);
        long elapsed = Elapsed(now);
        long value = Mode switch
        {
            _ when !_isRunning => _hasCount ? _period : 0,
            2 => _period - elapsed % _period,
            3 => (_period & ~1L) - 2 * (Phase(elapsed) % High),
            _ => _period - elapsed,
        };
        value = (value % Modulus + Modulus) % Modulus;
        return IsBcd ? ToBcd(value) : (int)value;
    }

    public bool Output(long now)
    {
        Settle(now);
        long elapsed = Elapsed(now);
        return Mode switch
        {
            0 => _isRunning && elapsed >= _period,
            1 => !_isRunning || elapsed >= _period,
            2 => !_isRunning || Phase(elapsed) != _period - 1 || _period == 1,
            3 => !_isRunning || Phase(elapsed) < High,
            _ => !_isRunning || elapsed != _period,
        };
    }

    /// <summary>The first instant after <paramref name="now"/> at which OUT rises by itself, or <see cref="Never"/>.</summary>
    public long NextRise(long now)
    {
        Settle(now);
        if (!_isRunning || _pausedAt >= 0)
        {
            return Never;
        }

        long elapsed = now - _start;
        long rise = IsPeriodic ? (elapsed / _period + 1) * _period : Mode is 4 or 5 ? _period + 1 : _period;
        return rise > elapsed ? _start + rise : Never;
    }

    /// <summary>The number of rises of OUT in <paramref name="since"/> &lt; t &lt;= <paramref name="now"/>.</summary>
    public long CountRises(long since, long now)
    {
        long rises = 0;
        long rise = NextRise(since);
        while (rise <= now)
        {
            if (IsPeriodic && _nextPeriod == 0)
            {
                return rises + 1 + (now - rise) / _period;
            }

            rises++;
            rise = NextRise(rise);
        }

        return rises;
    }

    /// <summary>Length of the high part of mode 3: odd counts are high for one pulse longer.</summary>
    private long High => (_period + 1) / 2;

    private long Phase(long elapsed) => elapsed % _period;

    private long Elapsed(long now) => Math.Max(0, (_pausedAt >= 0 ? _pausedAt : now) - _start);

    private void Start(long now)
    {
        _start = now;
        _isRunning = !IsPeriodic || Gate;
    }

    /// <summary>Lets a count that waits for the end of the cycle take effect once that has come.</summary>
    private void Settle(long now)
    {
        if (_nextPeriod != 0 && now - _start >= _period)
        {
            _start += _period;
            _period = _nextPeriod;
            _nextPeriod = 0;
        }
    }

    private static long FromBcd(int value) => (value & 0xF) + (value >> 4 & 0xF) * 10 + (value >> 8 & 0xF) * 100 + (value >> 12 & 0xF) * 1000;

    private static int ToBcd(long value) => (int)(value % 10 | value / 10 % 10 << 4 | value / 100 % 10 << 8 | value / 1000 % 10 << 12);
}
