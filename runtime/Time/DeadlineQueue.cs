// The run loop asks here what is due. A machine has a handful of timed devices, each of which keeps its own next deadline:
// scanning them costs less than keeping a heap in order while devices are reprogrammed.
namespace Runtime.Time;

/// <summary>All timed devices of one machine.</summary>
public sealed class DeadlineQueue
{
    public const long Never = long.MaxValue;

    private ITimedDevice[] _devices = [];

    /// <summary>The earliest deadline of any device, or <see cref="Never"/>.</summary>
    public long Earliest
    {
        get
        {
            long earliest = Never;
            foreach (ITimedDevice device in _devices)
            {
                earliest = Math.Min(earliest, device.NextDeadline);
            }

            return earliest;
        }
    }

    public void Add(ITimedDevice device) => _devices = [.. _devices, device];

    /// <summary>Advances every device whose deadline has come.</summary>
    public void Advance(long now)
    {
        foreach (ITimedDevice device in _devices)
        {
            if (device.NextDeadline <= now)
            {
                device.Advance(now);
            }
        }
    }
}
