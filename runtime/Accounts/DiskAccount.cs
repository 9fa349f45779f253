using System.Diagnostics;

namespace Runtime.Accounts;

/// <summary>What a guest asked of its disks so far. Queue time is what requests waited in a ring before they were begun, service time what the host
/// took over them; both in nanoseconds.</summary>
public readonly record struct DiskUse(long Reads, long Writes, long Flushes, long BytesRead, long BytesWritten, long QueueNanoseconds, long ServiceNanoseconds);

/// <summary>All disks of one guest. Any thread.</summary>
public sealed class DiskAccount
{
    private long _reads, _writes, _flushes, _bytesRead, _bytesWritten, _queue, _service;

    public DiskUse Use => new(
        Interlocked.Read(ref _reads), Interlocked.Read(ref _writes), Interlocked.Read(ref _flushes), Interlocked.Read(ref _bytesRead),
        Interlocked.Read(ref _bytesWritten), Interlocked.Read(ref _queue), Interlocked.Read(ref _service));

    /// <param name="began">A <see cref="Stopwatch"/> time stamp of when the host was asked; it has answered now.</param>
    public void AddRead(long bytes, long began)
    {
        Interlocked.Increment(ref _reads);
        Interlocked.Add(ref _bytesRead, bytes);
        AddService(began);
    }

    /// <inheritdoc cref="AddRead"/>
    public void AddWrite(long bytes, long began)
    {
        Interlocked.Increment(ref _writes);
        Interlocked.Add(ref _bytesWritten, bytes);
        AddService(began);
    }

    /// <inheritdoc cref="AddRead"/>
    public void AddFlush(long began)
    {
        Interlocked.Increment(ref _flushes);
        AddService(began);
    }

    /// <summary>A request waited so long before it was begun.</summary>
    public void AddQueue(long nanoseconds) => Interlocked.Add(ref _queue, nanoseconds);

    private void AddService(long began) => Interlocked.Add(ref _service, (long)Stopwatch.GetElapsedTime(began).TotalNanoseconds);
}
