// Where RDTSC gets its ticks. The interpreter adds VcpuState.TscOffset.
using System.Diagnostics;

namespace Runtime.Engines.Interpreter;

/// <summary>The host's time-stamp counter.</summary>
public interface ITimeStamp
{
    ulong Read();

    /// <summary>Its rate in hertz, or 0 where nobody knows.</summary>
    ulong Frequency => 0;
}

/// <summary>A counter of a given frequency derived from the monotonic clock, for hosts whose own counter cannot be read.</summary>
public sealed class ClockTimeStamp(ulong hertz = 1_000_000_000) : ITimeStamp
{
    private readonly bool _isClockRate = hertz == (ulong)Stopwatch.Frequency;

    public ulong Frequency => hertz;

    public ulong Read()
    {
        var ticks = (ulong)Stopwatch.GetTimestamp();
        return _isClockRate ? ticks : (ulong)((UInt128)ticks * hertz / (ulong)Stopwatch.Frequency);
    }
}
