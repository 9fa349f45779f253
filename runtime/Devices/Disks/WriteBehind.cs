// Has the host begin to write to its disk what a guest has written, long before the guest's flush waits for that. A guest keeps data in a page cache
// of its own until it wants it written; for the host's cache to keep it for as long again leaves all of the work to the flush. PostgreSQL
// does the same, for the same reason (bgwriter_flush_after, checkpoint_flush_after).
using Runtime.Time;

namespace Runtime.Devices.Disks;

/// <summary>Collects what was written to a file and starts its way to the disk, on a thread of its own that lives from the first time on. Safe from
/// any thread.</summary>
/// <param name="start">Makes the host begin to write a range (offset, length); may block.</param>
internal sealed class WriteBehind(Action<long, long> start) : IDisposable
{
    /// <summary>Bytes that are worth a start: what is less, a flush writes in milliseconds.</summary>
    public const long Step = 8 << 20;

    private readonly Lock _gate = new();
    private readonly ThreadMeter _meter = new();
    private IWakeSignal? _wake;
    private Thread? _thread;
    private long _first = long.MaxValue, _end, _bytes;
    private bool _isStopped;

    /// <summary>Processor time of the thread.</summary>
    public long ThreadNanoseconds => _meter.Nanoseconds;

    /// <summary>Bytes have been written to the file.</summary>
    public void Wrote(long offset, long length)
    {
        lock (_gate)
        {
            _first = Math.Min(_first, offset);
            _end = Math.Max(_end, offset + length);
            _bytes += length;
            if (_bytes < Step || _isStopped)
            {
                return;
            }

            if (_thread is null)
            {
                _wake = WakeSignal.Create();
                _thread = new Thread(Work) { Name = "write behind", IsBackground = true };
                _thread.Start();
            }

            _wake!.Set();
        }
    }

    /// <summary>A flush sees to all that was written before.</summary>
    public void Flushing()
    {
        lock (_gate)
        {
            Forget();
        }
    }

    /// <summary>Returns when the host is not asked for anything any more.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _isStopped = true;
            _wake?.Set();
        }

        _thread?.Join();
        _wake?.Dispose();
    }

    private void Work()
    {
        _meter.Begin();
        while (!_isStopped)
        {
            if (TryTake(out long first, out long length))
            {
                start(first, length);
            }
            else
            {
                _wake!.Wait(DeadlineQueue.Never);
            }
        }

        _meter.End();
    }

    private bool TryTake(out long first, out long length)
    {
        lock (_gate)
        {
            (first, length) = (_first, _end - _first);
            if (_bytes < Step || _isStopped)
            {
                return false;
            }

            Forget();
            return true;
        }
    }

    private void Forget() => (_first, _end, _bytes) = (long.MaxValue, 0, 0);
}
