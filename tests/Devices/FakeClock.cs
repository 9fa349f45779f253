using Runtime.Time;

namespace Tests.Devices;

/// <summary>Time that passes only when a test says so. It starts on a Sunday, 2001-02-04 05:06:07 UTC.</summary>
internal sealed class FakeClock : IClock
{
    public long Now { get; set; }

    public DateTime UtcNow { get; } = new(2001, 2, 4, 5, 6, 7, DateTimeKind.Utc);
}
