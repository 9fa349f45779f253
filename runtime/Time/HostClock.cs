using System.Diagnostics;

namespace Runtime.Time;

/// <summary>The host's monotonic clock, counted from the creation of this object.</summary>
public sealed class HostClock : IClock
{
    private const long NanosecondsPerSecond = 1_000_000_000;
    private readonly long _origin = Stopwatch.GetTimestamp();

    public long Now
    {
        get
        {
            long ticks = Stopwatch.GetTimestamp() - _origin;
            return Stopwatch.Frequency == NanosecondsPerSecond ? ticks : Scale(ticks);
        }
    }

    public DateTime UtcNow => DateTime.UtcNow;

    private static long Scale(long ticks)
    {
        (long seconds, long rest) = Math.DivRem(ticks, Stopwatch.Frequency);
        return seconds * NanosecondsPerSecond + rest * NanosecondsPerSecond / Stopwatch.Frequency;
    }
}
