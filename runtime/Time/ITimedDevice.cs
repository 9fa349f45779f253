namespace Runtime.Time;

/// <summary>Something whose state changes by itself as time passes: a timer chip, a buffer that is flushed when it gets old.</summary>
public interface ITimedDevice
{
    /// <summary>The earliest instant, on the machine's <see cref="IClock"/>, at which <see cref="Advance"/> has something to do that
    /// others can notice; <see cref="DeadlineQueue.Never"/> when nothing will happen by itself. Cheap: asked on every exit.</summary>
    long NextDeadline { get; }

    /// <summary>Brings the device up to <paramref name="now"/>. May be called early, late or without need.</summary>
    void Advance(long now);
}
