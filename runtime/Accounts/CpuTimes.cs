namespace Runtime.Accounts;

/// <summary>Where a guest's time went, in nanoseconds since it started. The first three are processor time that the host's kernel measured;
/// the others are time in which the guest used none.</summary>
/// <param name="Guest">Guest code, executed natively or interpreted.</param>
/// <param name="Monitor">The monitor on its behalf: exits, scanning, patching, the shadow.</param>
/// <param name="Device">Device models and back ends on its behalf, and what its wake-ups cost other guests.</param>
/// <param name="Stolen">It had a processor, and the host ran something else on it.</param>
/// <param name="Waiting">It was ready and another guest had the processor, or its cap was used up.</param>
/// <param name="Blocked">It had nothing to run.</param>
public readonly record struct CpuTimes(long Guest, long Monitor, long Device, long Stolen, long Waiting, long Blocked)
{
    /// <summary>All processor time that is the guest's to pay.</summary>
    public long Used => Guest + Monitor + Device;

    /// <summary>How long it has been there.</summary>
    public long Life => Used + Stolen + Waiting + Blocked;

    public static CpuTimes operator +(CpuTimes one, CpuTimes other) => new(
        one.Guest + other.Guest, one.Monitor + other.Monitor, one.Device + other.Device, one.Stolen + other.Stolen, one.Waiting + other.Waiting, one.Blocked + other.Blocked);

    public static CpuTimes operator -(CpuTimes one, CpuTimes other) => new(
        one.Guest - other.Guest, one.Monitor - other.Monitor, one.Device - other.Device, one.Stolen - other.Stolen, one.Waiting - other.Waiting, one.Blocked - other.Blocked);
}
