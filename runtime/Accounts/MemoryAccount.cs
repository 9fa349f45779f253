namespace Runtime.Accounts;

/// <summary>Memory of the host that a guest holds, in pages of 4 KiB, and for how long it has held how much.</summary>
/// <param name="Pages">RAM that it has touched, patched code, control blocks.</param>
/// <param name="ShadowPages">Pages that its shadow maps; they cost page tables, 8 bytes each.</param>
/// <param name="PageSeconds">Pages, summed over the seconds that they were held.</param>
public readonly record struct MemoryUse(long Pages, long ShadowPages, double PageSeconds);

/// <summary>Kept by sampling. Any thread.</summary>
public sealed class MemoryAccount
{
    private readonly Lock _lock = new();
    private MemoryUse _use;
    private long _sampledAt;

    public MemoryUse Use
    {
        get
        {
            lock (_lock)
            {
                return _use;
            }
        }
    }

    /// <summary>What is held now; what was held at the last sample is taken to have been held until now.</summary>
    /// <param name="now">In nanoseconds.</param>
    public void Sample(long bytes, long shadowPages, long now)
    {
        lock (_lock)
        {
            double seconds = _sampledAt == 0 ? 0 : (now - _sampledAt) / 1e9;
            _use = new MemoryUse((bytes + 4095) >> 12, shadowPages, _use.PageSeconds + (_use.Pages * seconds));
            _sampledAt = now;
        }
    }
}
