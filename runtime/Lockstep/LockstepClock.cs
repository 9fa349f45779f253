// Time in a lockstep run: it moves when it is read, and when both machines are at the same instruction.
using Runtime.Engines.Interpreter;
using Runtime.Time;

namespace Runtime.Lockstep;

/// <summary>The clock and the time-stamp counter of one of two machines that must see the same of both. What is read alike on both sides comes out
/// alike; whoever waits for time to go on sees it go on.</summary>
internal sealed class LockstepClock : IClock, ITimeStamp
{
    /// <summary>What a reading takes, in nanoseconds.</summary>
    private const long ClockReading = 10, CounterReading = 100;

    /// <summary>Nanoseconds, without reading them.</summary>
    public long Current { get; set; } = 1_000_000_000;

    public long Now => Current += ClockReading;

    public DateTime UtcNow { get; } = new(2026, 1, 1, 0, 0, 0, DateTimeKind.Utc);

    /// <summary>The counter counts nanoseconds.</summary>
    public ulong Frequency => 1_000_000_000;

    public ulong Read() => (ulong)(Current += CounterReading);

    /// <summary>So much time has gone by at least.</summary>
    public void MoveTo(long time) => Current = Math.Max(Current, time);
}
