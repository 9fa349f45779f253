namespace Runtime.Devices;

/// <summary>Converts between the machine's nanoseconds and the 8254's clock input, 105/88 MHz (a third of the NTSC colour carrier).</summary>
internal static class PitTicks
{
    public const long PerSecond = 1_193_182;
    private const long NanosecondsPerSecond = 1_000_000_000;

    /// <summary>Whole clock pulses that have passed.</summary>
    public static long FromNanoseconds(long nanoseconds)
    {
        (long seconds, long rest) = Math.DivRem(nanoseconds, NanosecondsPerSecond);
        return seconds * PerSecond + rest * PerSecond / NanosecondsPerSecond;
    }

    /// <summary>The first instant at which <see cref="FromNanoseconds"/> gives <paramref name="ticks"/>.</summary>
    public static long ToNanoseconds(long ticks)
    {
        (long seconds, long rest) = Math.DivRem(ticks, PerSecond);
        return seconds * NanosecondsPerSecond + (rest * NanosecondsPerSecond + PerSecond - 1) / PerSecond;
    }
}
