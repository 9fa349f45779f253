using Runtime.Time;

namespace Runtime.Devices;

/// <summary>The timer of a local APIC (SDM vol. 3, 11.5.4): counts down from a value that the guest sets, once or again and again.</summary>
/// <param name="expired">The count has reached 0.</param>
internal sealed class ApicTimer(IClock clock, Action expired) : ITimedDevice
{
    private uint _initial;
    private long _started;
    private bool _isRunning;

    /// <summary>The divide configuration register: bits 0, 1 and 3 say how many clocks of the bus, 1 GHz here, make one count.</summary>
    public uint DivideConfiguration
    {
        get;
        set
        {
            field = value & 0xB;
            _started = _isRunning ? clock.Now : _started;
        }
    }

    public bool IsPeriodic { get; set; }

    public uint Initial
    {
        get => _initial;
        set
        {
            _initial = value;
            (_started, _isRunning) = (clock.Now, value != 0);
        }
    }

    public uint Current
    {
        get
        {
            if (!_isRunning)
            {
                return 0;
            }

            long counts = (clock.Now - _started) / NanosecondsPerCount;
            return IsPeriodic ? _initial - (uint)(counts % _initial) : (uint)Math.Max(0, _initial - counts);
        }
    }

    /// <summary>Stops it, as at power-on.</summary>
    public void Reset()
    {
        (_initial, _started, _isRunning, IsPeriodic) = (0, 0, false, false);
        DivideConfiguration = 0;
    }

    public long NextDeadline => _isRunning ? _started + (_initial * NanosecondsPerCount) : DeadlineQueue.Never;

    private long NanosecondsPerCount
    {
        get
        {
            uint power = (DivideConfiguration & 3) | (DivideConfiguration >> 1 & 4);
            return power == 7 ? 1 : 2 << (int)power;
        }
    }

    public void Advance(long now)
    {
        if (now < NextDeadline)
        {
            return;
        }

        // Periods that were missed are missed.
        long period = _initial * NanosecondsPerCount;
        _started += (now - _started) / period * period;
        _isRunning = IsPeriodic;
        expired();
    }
}
