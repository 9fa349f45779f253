// One kernel under several techniques: what was measured, before it is laid out.
namespace Runtime.Reporting;

/// <summary>How one configuration did.</summary>
/// <param name="Name">Mode and engine, or the name of another emulator.</param>
/// <param name="ExitStatus">Of the process; null when it did not run at all, and then <paramref name="Problem"/> says why.</param>
/// <param name="Problem">One line, or null.</param>
/// <param name="WallNanoseconds">Of the guest's run; of the whole process where nothing better is known.</param>
/// <param name="GuestCpuNanoseconds">Time in guest code, where known.</param>
/// <param name="Exits">By reason; empty where unknown.</param>
/// <param name="Figures">What the guest itself measured.</param>
/// <param name="Disk">What it measured of its disk.</param>
/// <param name="LastLine">The last line on its serial port.</param>
public sealed record ComparisonColumn(
    string Name,
    int? ExitStatus,
    string? Problem,
    long WallNanoseconds,
    long? GuestCpuNanoseconds,
    IReadOnlyList<ExitStatistic> Exits,
    IReadOnlyList<GuestFigure> Figures,
    IReadOnlyList<DeviceFigure> Disk,
    string? LastLine);

/// <summary>All configurations of one kernel.</summary>
public sealed record ComparisonReport(string Image, IReadOnlyList<ComparisonColumn> Columns);
