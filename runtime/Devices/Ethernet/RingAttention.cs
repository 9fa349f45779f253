// Whether a back end looks at its ring by itself for a while, so that the guest need not notify it. A notification stops the guest, and so does
// each answer that is told by itself; a guest that sends all the time is better stopped once for all that it sent meanwhile. It stands between
// NetTransmitter and the ring's request event.
using Runtime.Time;

namespace Runtime.Devices.Ethernet;

/// <summary>
/// Looks again after a <see cref="Period"/> where that has found several packets before, and asks for a notification where it has not: then it
/// tries again only after some notifications, more of them each time that it was in vain.
/// </summary>
internal sealed class RingAttention
{
    /// <summary>Nanoseconds from one look to the next: the longest that a packet waits.</summary>
    public const long Period = 50_000;

    /// <summary>Packets of a period that make the next one worth it: to be stopped by the clock costs as much as two notifications.</summary>
    private const int Worth = 3;

    private const int LongestPause = 256;

    private int _found;
    private bool _hasPaid;
    private int _pause;
    private int _skip;

    /// <summary>When to look again; <see cref="DeadlineQueue.Never"/> where the guest is to notify.</summary>
    public long Until { get; private set; } = DeadlineQueue.Never;

    /// <summary>The guest is not asked to notify.</summary>
    public bool IsOn => Until != DeadlineQueue.Never;

    /// <summary>The ring is empty. Whether to look again by itself; when not, the caller asks for a notification.</summary>
    /// <param name="found">Packets that were found there this time.</param>
    /// <param name="mayContinue">The guest runs: one that waits puts nothing into a ring.</param>
    public bool Continues(long now, int found, bool mayContinue)
    {
        if (!IsOn)
        {
            if (!mayContinue || found == 0 || --_skip > 0)
            {
                return false;
            }

            (_found, _hasPaid, Until) = (0, false, now + Period);
            return true;
        }

        _found += found;
        if (mayContinue && now < Until)
        {
            return true;
        }

        // A guest that waits before the first period is over would have been stopped as often without: it only cost the clock.
        _hasPaid |= now >= Until && _found >= Worth;
        bool goesOn = mayContinue && _found >= Worth;
        _pause = _hasPaid ? 0 : Math.Min(_pause * 2 + 1, LongestPause);
        _skip = _pause + 1;
        (_found, Until) = (0, goesOn ? now + Period : DeadlineQueue.Never);
        return goesOn;
    }

    /// <summary>Something else will make the caller look.</summary>
    public void Stop() => Until = DeadlineQueue.Never;
}
