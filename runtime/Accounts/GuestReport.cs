namespace Runtime.Accounts;

/// <summary>Exits for one reason.</summary>
public sealed record ExitUse(string Reason, long Count, long Nanoseconds);

/// <summary>One guest's account at an instant. Figures count from the guest's start and never fall, but for pages held.</summary>
/// <param name="State">starting, running, waiting, blocked, paused or ended.</param>
/// <param name="Outcome">How it ended, one line; null while it has not.</param>
/// <param name="Cap">In processors.</param>
/// <param name="MemoryLimit">What it may hold of the host's memory, in bytes.</param>
/// <param name="Turns">How often it was given a processor.</param>
public sealed record GuestReport(
    string Name,
    string State,
    string? Outcome,
    int? ExitStatus,
    int Weight,
    double Cap,
    ulong MemoryLimit,
    long Turns,
    CpuTimes Cpu,
    MemoryUse Memory,
    DiskUse Disk,
    NetworkUse Network,
    IReadOnlyList<ExitUse> Exits)
{
    public long ExitCount => Exits.Sum(exit => exit.Count);
}

/// <summary>A host's accounts at an instant.</summary>
/// <param name="Time">The calendar, UTC.</param>
/// <param name="UptimeNanoseconds">Since the host started.</param>
/// <param name="Scheduler">proportional or fair.</param>
/// <param name="OverheadNanoseconds">Processor time of the host itself, which is nobody's: dispatcher, control socket, .NET.</param>
/// <param name="MeasuredNanoseconds">All processor time of this process and the guests' processes, as the host's kernel measured it.</param>
public sealed record HostReport(
    DateTime Time,
    long UptimeNanoseconds,
    int Processors,
    string Scheduler,
    long QuantumNanoseconds,
    long Switches,
    long SwitchNanoseconds,
    long OverheadNanoseconds,
    long MeasuredNanoseconds,
    IReadOnlyList<GuestReport> Guests);
