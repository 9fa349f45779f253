namespace Runtime.Scheduling;

/// <summary>Switches of a processor from one guest that was asked to give it up to another: how many, and the time from the asking until the
/// other's thread goes on. Any thread.</summary>
public sealed class SwitchStatistic
{
    private long _count;
    private long _nanoseconds;

    public long Count => Interlocked.Read(ref _count);

    public long Nanoseconds => Interlocked.Read(ref _nanoseconds);

    internal void Add(long nanoseconds)
    {
        Interlocked.Increment(ref _count);
        Interlocked.Add(ref _nanoseconds, nanoseconds);
    }
}
