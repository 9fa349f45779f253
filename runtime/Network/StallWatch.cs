// A frame between guests is in the sender's pages until the receiver has copied it. One that takes nothing must not keep them: its neighbour's
// transmit ring would be full of what is for it.
using Runtime.Time;

namespace Runtime.Network;

/// <summary>Looks now and then for guests that take nothing (<see cref="GuestPort.GiveBackIfStalled"/>). For who has the network's turn.</summary>
internal sealed class StallWatch(IClock clock) : ITimedDevice
{
    private readonly List<GuestPort> _ports = [];
    private long _next = DeadlineQueue.Never;

    /// <summary>Never while nothing waits for any guest.</summary>
    public long NextDeadline
    {
        get
        {
            if (_next == DeadlineQueue.Never && _ports.Exists(port => port.HasArrivals))
            {
                _next = clock.Now + GuestPort.Patience;
            }

            return _next;
        }
    }

    public void Add(GuestPort port) => _ports.Add(port);

    public void Remove(GuestPort port) => _ports.Remove(port);

    public void Advance(long now)
    {
        _next = DeadlineQueue.Never;
        _ports.ForEach(port => port.GiveBackIfStalled());
    }
}
