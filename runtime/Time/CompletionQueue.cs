// How work that other threads do for a device gets back to it: devices themselves are used on the thread of the vCPU only.
using System.Collections.Concurrent;

namespace Runtime.Time;

/// <summary>Actions posted by any thread, run in their order on the vCPU's thread between two stretches of guest code.</summary>
/// <param name="wake">Makes the run loop look, asleep or running; safe from any thread.</param>
public sealed class CompletionQueue(Action wake) : ITimedDevice
{
    private readonly ConcurrentQueue<Action> _posted = new();

    /// <summary>Due at once when something was posted, else never.</summary>
    public long NextDeadline => _posted.IsEmpty ? DeadlineQueue.Never : 0;

    public void Post(Action action)
    {
        _posted.Enqueue(action);
        wake();
    }

    /// <summary>Runs what has been posted up to now; what is posted meanwhile waits for the next time, so that the guest gets to run.</summary>
    public void Advance(long now)
    {
        for (int left = _posted.Count; left > 0 && _posted.TryDequeue(out Action? action); left--)
        {
            action();
        }
    }
}
