// A cap is enforced as a token bucket in real time: idle processors do not loosen it.
namespace Runtime.Scheduling;

/// <summary>Time that a capped client may still use. It grows at the rate that the fluid would serve the client with, and shrinks with use.</summary>
internal sealed class CapBudget(long quantum)
{
    /// <summary>What a client that has to wait for its turn may save up, in quanta.</summary>
    private const int Savings = 8;

    private double _available = quantum;
    private long _updated;
    private bool _isExhausted;

    public long Available => (long)_available;

    /// <summary>Whether it has to wait. One that has used all up waits until a run is worth a switch again.</summary>
    public bool IsThrottled
    {
        get
        {
            _isExhausted = _available <= 0 || (_isExhausted && _available < quantum / 2);
            return _isExhausted;
        }
    }

    /// <summary>Time until a throttled client may run again.</summary>
    /// <param name="rate">What it gets now, in processors.</param>
    public long TimeUntilReady(double rate) => Math.Max(1, (long)Math.Ceiling(((quantum / 2) - _available) / rate));

    public void Use(long used) => _available -= used;

    /// <summary>Time has passed.</summary>
    /// <param name="rate">What it got meanwhile, in processors; a blocked client gets its cap, for one quantum at most.</param>
    public void Refill(long now, double rate, bool isBlocked)
    {
        double most = Math.Max(_available, isBlocked ? quantum : Savings * quantum);
        _available = Math.Min(most, _available + ((now - _updated) * rate));
        _updated = now;
    }
}
