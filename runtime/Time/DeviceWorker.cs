// What may take long on the host is done beside the vCPU: a thread for a device, started with its first work.
namespace Runtime.Time;

/// <summary>Does one piece of work at a time for a device. All members are for the vCPU's thread.</summary>
public sealed class DeviceWorker(string name, CompletionQueue completions)
{
    private readonly Lock _gate = new();
    private readonly AutoResetEvent _ended = new(false);
    private Thread? _thread;
    private IWakeSignal? _started;
    private Func<bool>? _work;
    private Action<bool>? _done;
    private bool _isWorking;
    private volatile bool _isStopped;
    private long _processorTime;

    /// <summary>What its thread has used of a processor, in nanoseconds. Any thread.</summary>
    public long ProcessorNanoseconds => Interlocked.Read(ref _processorTime);

    /// <summary>Work was started and its completion has not been delivered yet.</summary>
    public bool IsBusy => _done is not null;

    /// <param name="work">Runs on the worker's thread; false when it failed. Must not throw.</param>
    /// <param name="done">Runs on the vCPU's thread with what <paramref name="work"/> returned, unless it is abandoned before.</param>
    /// <exception cref="InvalidOperationException">Busy: a caller's defect.</exception>
    public void Start(Func<bool> work, Action<bool> done)
    {
        if (IsBusy)
        {
            throw new InvalidOperationException(name + " is busy");
        }

        _done = done;
        lock (_gate)
        {
            _isWorking = true;
            _work = work;
        }

        if (_thread is null)
        {
            _started = WakeSignal.Create();
            _thread = new Thread(Work) { Name = name, IsBackground = true };
            _thread.Start();
        }

        _started!.Set();
    }

    /// <summary>Returns when no work is in progress; its completion is still delivered.</summary>
    public void Drain()
    {
        while (IsWorking())
        {
            _ended.WaitOne();
        }
    }

    /// <summary>As <see cref="Drain"/>, and the completion is forgotten.</summary>
    public void Abandon()
    {
        Drain();
        _done = null;
    }

    /// <summary>Ends the thread when what it is doing has ended. Nothing can be started afterwards.</summary>
    public void Stop()
    {
        Abandon();
        _isStopped = true;
        _started?.Set();
        _thread?.Join();
        _started?.Dispose();
    }

    private bool IsWorking()
    {
        lock (_gate)
        {
            return _isWorking;
        }
    }

    private void Work()
    {
        HostThread.BePunctual();
        while (!_isStopped)
        {
            Func<bool>? work;
            lock (_gate)
            {
                (work, _work) = (_work, null);
            }

            if (work is null)
            {
                _started!.Wait(DeadlineQueue.Never);
                continue;
            }

            Action<bool>? done = _done;
            bool succeeded = work();
            Interlocked.Exchange(ref _processorTime, HostThread.TimeOfCaller());
            completions.Post(() => Deliver(done, succeeded));
            lock (_gate)
            {
                _isWorking = false;
            }

            _ended.Set();
        }
    }

    private void Deliver(Action<bool>? done, bool succeeded)
    {
        if (done is not null && ReferenceEquals(done, _done))
        {
            _done = null;
            done(succeeded);
        }
    }
}
