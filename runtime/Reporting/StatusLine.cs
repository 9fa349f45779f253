using System.Globalization;
using Runtime.Accounts;

namespace Runtime.Reporting;

/// <summary>What one guest did between two reports, as a person reads it.</summary>
/// <param name="Cpu">Processor time used, in percent of one processor; guest, monitor and device are its parts.</param>
/// <param name="Waiting">In percent of the time between the reports.</param>
internal sealed record StatusLine(
    string Name, string State, double Cpu, double Guest, double Monitor, double Device, double Waiting, double Stolen, long MemoryMebibytes, double ExitsPerSecond,
    double DiskKibibytesPerSecond, string Total)
{
    public static readonly string[] Headings = ["GUEST", "STATE", "CPU%", "GUEST%", "MON%", "DEV%", "WAIT%", "ST%", "MEM", "EXITS/s", "DISK K/s", "CPU TIME"];

    public string[] Cells =>
    [
        Name, State, Percent(Cpu), Percent(Guest), Percent(Monitor), Percent(Device), Percent(Waiting), Percent(Stolen), MemoryMebibytes + "M",
        ExitsPerSecond.ToString("f0", CultureInfo.InvariantCulture), DiskKibibytesPerSecond.ToString("f0", CultureInfo.InvariantCulture), Total,
    ];

    /// <param name="before">Null for the time since the guest started.</param>
    public static IReadOnlyList<StatusLine> Between(HostReport? before, HostReport after)
    {
        double seconds = (after.UptimeNanoseconds - (before?.UptimeNanoseconds ?? 0)) / 1e9;
        return [.. after.Guests.Select(guest => Of(before?.Guests.FirstOrDefault(other => other.Name == guest.Name), guest, Math.Max(seconds, 1e-3)))];
    }

    /// <summary>All of them as text in columns, headings first.</summary>
    public static string Table(IReadOnlyList<StatusLine> lines)
    {
        string[][] rows = [Headings, .. lines.Select(line => line.Cells)];
        int[] widths = [.. Enumerable.Range(0, Headings.Length).Select(column => rows.Max(row => row[column].Length))];
        return string.Concat(rows.Select(row
            => string.Join("  ", row.Select((cell, column) => column < 2 ? cell.PadRight(widths[column]) : cell.PadLeft(widths[column]))).TrimEnd() + "\n"));
    }

    private static StatusLine Of(GuestReport? before, GuestReport after, double seconds)
    {
        CpuTimes cpu = before is null ? after.Cpu : after.Cpu - before.Cpu;
        double Share(long nanoseconds) => nanoseconds / 1e7 / seconds;
        long disk = after.Disk.BytesRead + after.Disk.BytesWritten - (before is null ? 0 : before.Disk.BytesRead + before.Disk.BytesWritten);
        string state = after.Outcome is null ? after.State : after.Outcome is "ended" or "stopped" ? after.Outcome : $"ended: {after.Outcome}";
        return new StatusLine(
            after.Name, state, Share(cpu.Used), Share(cpu.Guest), Share(cpu.Monitor), Share(cpu.Device), Share(cpu.Waiting), Share(cpu.Stolen),
            after.Memory.Pages >> 8, (after.ExitCount - (before?.ExitCount ?? 0)) / seconds, disk / 1024.0 / seconds,
            (after.Cpu.Used / 1e9).ToString("f2", CultureInfo.InvariantCulture) + "s");
    }

    private static string Percent(double value) => value.ToString("f1", CultureInfo.InvariantCulture);
}
