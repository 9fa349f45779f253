namespace Runtime.Accounts;

/// <summary>Frames that went through a guest's network interfaces so far.</summary>
public readonly record struct NetworkUse(long FramesSent, long BytesSent, long FramesReceived, long BytesReceived, long FramesDropped);

/// <summary>All interfaces of one guest. Any thread.</summary>
public sealed class NetworkAccount
{
    private long _framesSent, _bytesSent, _framesReceived, _bytesReceived, _dropped;
    private long _thread;

    /// <summary>The guest's part of what the network's own thread has used: processor time in nanoseconds, never falling.</summary>
    public long ThreadNanoseconds => Interlocked.Read(ref _thread);

    /// <summary>Frames that the network had to do with for this guest, lost ones too.</summary>
    internal long Frames => Interlocked.Read(ref _framesSent) + Interlocked.Read(ref _framesReceived) + Interlocked.Read(ref _dropped);

    public NetworkUse Use => new(
        Interlocked.Read(ref _framesSent), Interlocked.Read(ref _bytesSent), Interlocked.Read(ref _framesReceived), Interlocked.Read(ref _bytesReceived),
        Interlocked.Read(ref _dropped));

    public void AddSent(long bytes)
    {
        Interlocked.Increment(ref _framesSent);
        Interlocked.Add(ref _bytesSent, bytes);
    }

    public void AddReceived(long bytes)
    {
        Interlocked.Increment(ref _framesReceived);
        Interlocked.Add(ref _bytesReceived, bytes);
    }

    public void AddThread(long nanoseconds) => Interlocked.Add(ref _thread, nanoseconds);

    public void AddDropped() => Interlocked.Increment(ref _dropped);
}
