using System.Globalization;
using Runtime.Accounts;

namespace Runtime.Reporting;

/// <summary>What one guest did between two reports, as a person reads it.</summary>
/// <param name="Cpu">Processor time used, in percent of one processor; guest, monitor and device are its parts.</param>
/// <param name="Waiting">In percent of the time between the reports.</param>
/// <param name="Ending">Why it ended, where there is something to say.</param>
internal sealed record StatusLine(
    string Name, string State, double Cpu, double Guest, double Monitor, double Device, double Waiting, double Stolen, long MemoryMebibytes, double ExitsPerSecond,
    double DiskKibibytesPerSecond, string Total, string Ending)
{
    private const int Gap = 2;

    /// <summary>From left to right. The first two are words, the others numbers.</summary>
    private static readonly Column[] s_columns =
    [
        new("GUEST", line => line.Name),
        new("STATE", line => line.State),
        new("CPU%", line => Percent(line.Cpu)),
        new("GUEST%", line => Percent(line.Guest), Spare: 3),
        new("MON%", line => Percent(line.Monitor), Spare: 2),
        new("DEV%", line => Percent(line.Device), Spare: 1),
        new("WAIT%", line => Percent(line.Waiting)),
        new("ST%", line => Percent(line.Stolen), Spare: 5),
        new("MEM", line => line.MemoryMebibytes + "M"),
        new("EXITS/s", line => line.ExitsPerSecond.ToString("f0", CultureInfo.InvariantCulture), Spare: 6),
        new("DISK K/s", line => line.DiskKibibytesPerSecond.ToString("f0", CultureInfo.InvariantCulture), Spare: 4),
        new("CPU TIME", line => line.Total),
    ];

    /// <param name="before">Null for the time since the guest started.</param>
    public static IReadOnlyList<StatusLine> Between(HostReport? before, HostReport after)
    {
        double seconds = (after.UptimeNanoseconds - (before?.UptimeNanoseconds ?? 0)) / 1e9;
        return [.. after.Guests.Select(guest => Of(before?.Guests.FirstOrDefault(other => other.Name == guest.Name), guest, Math.Max(seconds, 1e-3)))];
    }

    /// <summary>All of them as text in columns, headings first; behind the last column how a guest ended.</summary>
    /// <param name="width">The longest line that there is room for: columns that can be spared are left out, and the rest is cut off.</param>
    public static string Table(IReadOnlyList<StatusLine> lines, int width = int.MaxValue)
    {
        List<(Column Column, int Width)> shown = [.. s_columns.Select(column => (column, lines.Select(line => column.Cell(line).Length).Append(column.Heading.Length).Max()))];
        while (shown.Sum(column => column.Width + Gap) - Gap > width && shown.Exists(column => column.Column.Spare > 0))
        {
            shown.Remove(shown.Where(column => column.Column.Spare > 0).MinBy(column => column.Column.Spare));
        }

        return string.Concat(lines.Select(line => Row(column => column.Cell(line), line.Ending)).Prepend(Row(column => column.Heading, "")));

        string Row(Func<Column, string> text, string ending)
        {
            IEnumerable<string> cells = shown.Select((column, place) => place < 2 ? text(column.Column).PadRight(column.Width) : text(column.Column).PadLeft(column.Width));
            string row = string.Join(new string(' ', Gap), cells.Append(ending)).TrimEnd();
            return (row.Length > width ? row[..width] : row) + "\n";
        }
    }

    private static StatusLine Of(GuestReport? before, GuestReport after, double seconds)
    {
        CpuTimes cpu = before is null ? after.Cpu : after.Cpu - before.Cpu;
        double Share(long nanoseconds) => nanoseconds / 1e7 / seconds;
        long disk = after.Disk.BytesRead + after.Disk.BytesWritten - (before is null ? 0 : before.Disk.BytesRead + before.Disk.BytesWritten);
        return new StatusLine(
            after.Name, after.State, Share(cpu.Used), Share(cpu.Guest), Share(cpu.Monitor), Share(cpu.Device), Share(cpu.Waiting), Share(cpu.Stolen),
            after.Memory.Pages >> 8, (after.ExitCount - (before?.ExitCount ?? 0)) / seconds, disk / 1024.0 / seconds,
            (after.Cpu.Used / 1e9).ToString("f2", CultureInfo.InvariantCulture) + "s", after.Outcome is null or "ended" ? "" : after.Outcome);
    }

    private static string Percent(double value) => value.ToString("f1", CultureInfo.InvariantCulture);

    /// <param name="Spare">The order in which columns are left out where lines must be short; 0 for those that never are.</param>
    private sealed record Column(string Heading, Func<StatusLine, string> Cell, int Spare = 0);
}
