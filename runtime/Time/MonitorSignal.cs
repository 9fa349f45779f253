namespace Runtime.Time;

/// <summary>The portable wake signal: precise to a millisecond, which .NET's waits are everywhere.</summary>
internal sealed class MonitorSignal : IWakeSignal
{
    private const long NanosecondsPerMillisecond = 1_000_000;
    private readonly AutoResetEvent _event = new(false);

    public void Set() => _event.Set();

    public void Wait(long nanoseconds)
    {
        if (nanoseconds > 0)
        {
            long milliseconds = nanoseconds / NanosecondsPerMillisecond + 1;
            _event.WaitOne(milliseconds > int.MaxValue ? Timeout.Infinite : (int)milliseconds);
        }
    }

    public void Dispose() => _event.Dispose();
}
