// Every figure of an account once, with its name, unit and meaning: CSV, Prometheus and OpenTelemetry take them all from here.
using Runtime.Accounts;

namespace Runtime.Reporting;

/// <summary>One figure of a guest's account.</summary>
/// <param name="Name">As Prometheus wants it, without prefix: base unit last.</param>
/// <param name="Of">Times are in seconds, memory in bytes.</param>
/// <param name="IsCounter">It never falls.</param>
internal sealed record AccountFigure(string Name, string Unit, string Meaning, bool IsCounter, Func<GuestReport, double> Of)
{
    public static IReadOnlyList<AccountFigure> All { get; } =
    [
        Seconds("cpu_guest_seconds", "Processor time in guest code.", guest => guest.Cpu.Guest),
        Seconds("cpu_monitor_seconds", "Processor time of the monitor on the guest's behalf.", guest => guest.Cpu.Monitor),
        Seconds("cpu_device_seconds", "Processor time of devices and back ends on the guest's behalf.", guest => guest.Cpu.Device),
        Seconds("cpu_stolen_seconds", "Time in which the guest had a processor and the host ran something else on it.", guest => guest.Cpu.Stolen),
        Seconds("cpu_waiting_seconds", "Time in which the guest was ready and had no processor.", guest => guest.Cpu.Waiting),
        Seconds("cpu_blocked_seconds", "Time in which the guest had nothing to run.", guest => guest.Cpu.Blocked),
        Count("turns", "Times that the guest was given a processor.", guest => guest.Turns),
        Count("exits", "Exits of all kinds.", guest => guest.ExitCount),
        new("memory_limit_bytes", "By", "What the guest may hold of the host's memory.", false, guest => guest.MemoryLimit),
        new("memory_held_bytes", "By", "Memory of the host that the guest holds.", false, guest => guest.Memory.Pages * 4096.0),
        new("memory_shadow_pages", "{page}", "Pages that the guest's shadow maps.", false, guest => guest.Memory.ShadowPages),
        new("memory_page_seconds", "{page}.s", "Pages held, summed over seconds.", true, guest => guest.Memory.PageSeconds),
        Count("disk_reads", "Disk reads.", guest => guest.Disk.Reads),
        Count("disk_writes", "Disk writes.", guest => guest.Disk.Writes),
        Count("disk_flushes", "Disk flushes.", guest => guest.Disk.Flushes),
        new("disk_read_bytes", "By", "Bytes read from disks.", true, guest => guest.Disk.BytesRead),
        new("disk_written_bytes", "By", "Bytes written to disks.", true, guest => guest.Disk.BytesWritten),
        Seconds("disk_queue_seconds", "Time that disk requests waited before they were begun.", guest => guest.Disk.QueueNanoseconds),
        Seconds("disk_service_seconds", "Time that the host took over disk requests.", guest => guest.Disk.ServiceNanoseconds),
        Count("network_frames_sent", "Frames sent.", guest => guest.Network.FramesSent),
        Count("network_frames_received", "Frames received.", guest => guest.Network.FramesReceived),
        Count("network_frames_dropped", "Frames dropped.", guest => guest.Network.FramesDropped),
        new("network_sent_bytes", "By", "Bytes sent.", true, guest => guest.Network.BytesSent),
        new("network_received_bytes", "By", "Bytes received.", true, guest => guest.Network.BytesReceived),
    ];

    private static AccountFigure Seconds(string name, string meaning, Func<GuestReport, long> nanoseconds)
        => new(name, "s", meaning, true, guest => nanoseconds(guest) / 1e9);

    private static AccountFigure Count(string name, string meaning, Func<GuestReport, long> count) => new(name, "1", meaning, true, guest => count(guest));
}
