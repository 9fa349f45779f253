namespace Runtime.Time;

/// <summary>Processor time of one thread of this process that others may read while it lives and afterwards.</summary>
internal sealed class ThreadMeter
{
    private volatile int _thread;
    private long _whole;

    /// <summary>In nanoseconds, never falling; 0 before <see cref="Begin"/>. Any thread.</summary>
    public long Nanoseconds
    {
        get
        {
            // A thread that ends between the two readings has written its whole by then.
            long living = _thread is int thread and not 0 ? HostThread.TimeOfThread(thread) : 0;
            return Math.Max(living, Interlocked.Read(ref _whole));
        }
    }

    /// <summary>The calling thread is the one.</summary>
    public void Begin() => _thread = HostThread.Id;

    /// <summary>It does nothing more that is worth counting.</summary>
    public void End()
    {
        Interlocked.Exchange(ref _whole, HostThread.TimeOfCaller());
        _thread = 0;
    }
}
