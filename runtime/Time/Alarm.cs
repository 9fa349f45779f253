// Gets a vCPU that is busy running guest code back to its run loop when a device's deadline comes: a thread that sleeps until
// then and calls the engine's Kick. An idle vCPU needs no alarm, it sleeps on its own wake signal.
namespace Runtime.Time;

/// <summary>Calls <paramref name="ring"/> on its own thread once the armed instant has passed. One instant is armed at a time.</summary>
/// <param name="ring">Must be safe from any thread; an exception from it ends the process.</param>
public sealed class Alarm(IClock clock, Action ring) : IDisposable
{
    private readonly IWakeSignal _rearmed = WakeSignal.Create();
    private Thread? _thread;
    private long _deadline = DeadlineQueue.Never;
    private long _sleepingUntil = DeadlineQueue.Never;
    private volatile bool _isStopped;
    private long _processorTime;

    /// <summary>What its thread has used of a processor, in nanoseconds.</summary>
    public long ProcessorNanoseconds => Interlocked.Read(ref _processorTime);

    /// <summary>Arms the alarm for <paramref name="deadline"/>, replacing what was armed before. Cheap when nothing gets earlier.</summary>
    public void Arm(long deadline)
    {
        if (Interlocked.Read(ref _deadline) == deadline || Interlocked.Exchange(ref _deadline, deadline) == deadline)
        {
            return;
        }

        if (_thread is null)
        {
            _thread = new Thread(Sleep) { Name = "alarm", IsBackground = true, Priority = ThreadPriority.AboveNormal };
            _thread.Start();
        }

        // The sleeper wakes too early for a later deadline, sees that, and sleeps on.
        if (deadline < Interlocked.Read(ref _sleepingUntil))
        {
            _rearmed.Set();
        }
    }

    public void Dispose()
    {
        _isStopped = true;
        _rearmed.Set();
        _thread?.Join();
        _rearmed.Dispose();
    }

    private void Sleep()
    {
        HostThread.BePunctual();
        while (!_isStopped)
        {
            long deadline = Interlocked.Read(ref _deadline);
            long now = clock.Now;
            if (deadline <= now)
            {
                // An alarm rings once; one that was armed anew meanwhile stays armed.
                Interlocked.CompareExchange(ref _deadline, DeadlineQueue.Never, deadline);
                ring();
                continue;
            }

            Interlocked.Exchange(ref _processorTime, HostThread.TimeOfCaller());
            Interlocked.Exchange(ref _sleepingUntil, deadline);
            if (Interlocked.Read(ref _deadline) == deadline)
            {
                _rearmed.Wait(deadline == DeadlineQueue.Never ? deadline : deadline - now);
            }
        }
    }
}
