namespace Runtime.Time;

/// <summary>Calls <paramref name="reached"/> once, at <paramref name="deadline"/>.</summary>
public sealed class TimeLimit(long deadline, Action reached) : ITimedDevice
{
    public long NextDeadline { get; private set; } = deadline;

    public void Advance(long now)
    {
        if (now >= NextDeadline)
        {
            NextDeadline = DeadlineQueue.Never;
            reached();
        }
    }
}
