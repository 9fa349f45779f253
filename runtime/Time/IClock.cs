namespace Runtime.Time;

/// <summary>The time that a machine lives in. Devices read no other clock.</summary>
public interface IClock
{
    /// <summary>Nanoseconds since an arbitrary start; never goes back.</summary>
    long Now { get; }

    /// <summary>The calendar, UTC; read once when a machine starts.</summary>
    DateTime UtcNow { get; }
}
