using System.Globalization;
using System.Text;
using Runtime.Accounts;
using Runtime.Commands;

namespace Runtime.Reporting;

/// <summary>The accounts for a person who wants all of them.</summary>
internal static class AccountText
{
    /// <param name="name">One guest only, or null.</param>
    /// <exception cref="UsageException">There is no such guest.</exception>
    public static string Write(HostReport report, string? name)
    {
        GuestReport[] guests = [.. report.Guests.Where(guest => name is null || guest.Name == name)];
        if (guests.Length == 0)
        {
            throw new UsageException($"no guest {name}");
        }

        var text = new StringBuilder();
        foreach (GuestReport guest in guests)
        {
            Guest(text, guest);
        }

        long accounted = report.Guests.Sum(guest => guest.Cpu.Used);
        Line(text, $"host: {report.Processors} processor(s), {report.Scheduler} share, up {Seconds(report.UptimeNanoseconds)}");
        Line(text, $"  accounts {Seconds(accounted)} + host's own {Seconds(report.OverheadNanoseconds)}; the kernel measured {Seconds(report.MeasuredNanoseconds)}");
        double mean = report.Switches == 0 ? 0 : report.SwitchNanoseconds / 1e3 / report.Switches;
        Line(text, $"  switches between guests {report.Switches}, mean {mean:f1} us");
        return text.ToString();
    }

    private static void Guest(StringBuilder text, GuestReport guest)
    {
        CpuTimes cpu = guest.Cpu;
        Line(text, $"{guest.Name}: {guest.State}{(guest.Outcome is null ? "" : ", " + guest.Outcome)}, weight {guest.Weight}, cap {guest.Cap:p0}");
        Line(text, $"  cpu      guest {Seconds(cpu.Guest)}, monitor {Seconds(cpu.Monitor)}, devices {Seconds(cpu.Device)}: used {Seconds(cpu.Used)} in {guest.Turns} turns");
        Line(text, $"  not run  waiting {Seconds(cpu.Waiting)}, stolen {Seconds(cpu.Stolen)}, blocked {Seconds(cpu.Blocked)}");
        MemoryUse memory = guest.Memory;
        Line(text, $"  memory   {memory.Pages * 4} KiB of {guest.MemoryLimit >> 10}, shadow {memory.ShadowPages} pages, {memory.PageSeconds:f0} page-seconds");
        DiskUse disk = guest.Disk;
        Line(text, $"  disk     {disk.Reads} reads of {disk.BytesRead} bytes, {disk.Writes} writes of {disk.BytesWritten}, {disk.Flushes} flushes; "
            + $"queued {Seconds(disk.QueueNanoseconds)}, served {Seconds(disk.ServiceNanoseconds)}");
        NetworkUse network = guest.Network;
        Line(text, $"  network  {network.FramesSent} frames of {network.BytesSent} bytes sent, {network.FramesReceived} of {network.BytesReceived} received, "
            + $"{network.FramesDropped} dropped");
        string exits = string.Join(", ", guest.Exits.OrderByDescending(exit => exit.Nanoseconds).Select(exit => $"{exit.Reason} {exit.Count}"));
        Line(text, $"  exits    {guest.ExitCount}{(exits.Length > 0 ? ": " + exits : "")}");
    }

    private static string Seconds(long nanoseconds) => (nanoseconds / 1e9).ToString("f3", CultureInfo.InvariantCulture) + " s";

    private static void Line(StringBuilder text, FormattableString line) => text.Append(line.ToString(CultureInfo.InvariantCulture)).Append('\n');

    private static void Line(StringBuilder text, string line) => text.Append(line).Append('\n');
}
