namespace Runtime.Accounts;

/// <summary>Prices of what a guest can use; each for one unit.</summary>
/// <param name="CpuSecond">A second of processor time, whoever of guest, monitor and devices used it.</param>
/// <param name="MemoryGibibyteHour">A GiB of the host's memory held for an hour.</param>
/// <param name="DiskMillionRequests">A million reads, writes and flushes.</param>
/// <param name="DiskGibibyte">A GiB read or written.</param>
/// <param name="NetworkGibibyte">A GiB sent or received.</param>
/// <param name="GuestHour">An hour of being there at all, until the guest's end.</param>
public sealed record Tariff(
    string Currency, decimal CpuSecond, decimal MemoryGibibyteHour, decimal DiskMillionRequests, decimal DiskGibibyte, decimal NetworkGibibyte, decimal GuestHour);

/// <summary>One line of a bill.</summary>
public sealed record BillLine(string What, decimal Quantity, string Unit, decimal Price)
{
    public decimal Amount => Quantity * Price;
}

/// <summary>What one guest owes for an interval.</summary>
public sealed record GuestBill(string Guest, IReadOnlyList<BillLine> Lines)
{
    private const decimal Gibibyte = 1L << 30, SecondsPerHour = 3600;

    public decimal Total => Lines.Sum(line => line.Amount);

    /// <summary>Prices all guests' accounts between two reports of one host; a guest that the first does not know is billed from its start.</summary>
    /// <param name="from">Null for the time since the host started.</param>
    public static IReadOnlyList<GuestBill> Between(Tariff tariff, HostReport? from, HostReport to)
        => [.. to.Guests.Select(guest => Of(tariff, from?.Guests.FirstOrDefault(before => before.Name == guest.Name), guest, Hours(from, to)))];

    private static decimal Hours(HostReport? from, HostReport to) => (to.UptimeNanoseconds - (from?.UptimeNanoseconds ?? 0)) / 1e9m / SecondsPerHour;

    private static GuestBill Of(Tariff tariff, GuestReport? from, GuestReport to, decimal hours)
    {
        decimal cpu = (to.Cpu.Used - (from?.Cpu.Used ?? 0)) / 1e9m;
        decimal pageSeconds = (decimal)(to.Memory.PageSeconds - (from?.Memory.PageSeconds ?? 0));
        (DiskUse disk, DiskUse diskBefore) = (to.Disk, from?.Disk ?? default);
        (NetworkUse network, NetworkUse networkBefore) = (to.Network, from?.Network ?? default);
        decimal there = to.Outcome is null ? hours : Math.Min(hours, (to.Cpu.Life - (from?.Cpu.Life ?? 0)) / 1e9m / SecondsPerHour);
        decimal requests = disk.Reads + disk.Writes + disk.Flushes - diskBefore.Reads - diskBefore.Writes - diskBefore.Flushes;
        decimal diskBytes = disk.BytesRead + disk.BytesWritten - diskBefore.BytesRead - diskBefore.BytesWritten;
        decimal networkBytes = network.BytesSent + network.BytesReceived - networkBefore.BytesSent - networkBefore.BytesReceived;
        return new GuestBill(to.Name,
        [
            new("processor", cpu, "s", tariff.CpuSecond),
            new("memory", pageSeconds * 4096 / Gibibyte / SecondsPerHour, "GiB h", tariff.MemoryGibibyteHour),
            new("disk requests", requests / 1_000_000, "million", tariff.DiskMillionRequests),
            new("disk transfer", diskBytes / Gibibyte, "GiB", tariff.DiskGibibyte),
            new("network transfer", networkBytes / Gibibyte, "GiB", tariff.NetworkGibibyte),
            new("guest", there, "h", tariff.GuestHour),
        ]);
    }
}
