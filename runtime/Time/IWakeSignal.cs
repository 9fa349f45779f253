namespace Runtime.Time;

/// <summary>One thread sleeps on it, any other can wake it. A wake-up that comes first is remembered; several count as one.</summary>
public interface IWakeSignal : IDisposable
{
    void Set();

    /// <summary>Sleeps until <see cref="Set"/> or until the time has passed; either may also come early.</summary>
    /// <param name="nanoseconds">How long at most; not positive returns at once, <see cref="DeadlineQueue.Never"/> never times out.</param>
    void Wait(long nanoseconds);
}

/// <summary>Picks the implementation that the host is best at.</summary>
public static class WakeSignal
{
    public static IWakeSignal Create() => OperatingSystem.IsLinux() ? new EventFdSignal() : new MonitorSignal();
}
