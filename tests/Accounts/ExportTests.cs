using System.Diagnostics.Metrics;
using System.Text.RegularExpressions;
using Runtime.Accounts;
using Runtime.Reporting;
using Xunit;

namespace Tests.Accounts;

/// <summary>The same accounts in each format.</summary>
public sealed class ExportTests
{
    private static readonly HostReport Before = Report(1, 0), After = Report(11, 1);

    [Fact]
    public void JsonIsReadBackAsItWas()
    {
        HostReport back = AccountJson.Read(AccountJson.Write(After));
        Assert.Equal(AccountJson.Write(After), AccountJson.Write(back));
        Assert.Equal(After.Guests[0].Cpu, back.Guests[0].Cpu);
    }

    [Fact]
    public void CsvHasWhatCameInTheInterval()
    {
        var writer = new StringWriter();
        using var csv = new AccountCsv(writer);
        csv.Write(Before);
        csv.Write(After);
        string[] lines = writer.ToString().Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
        string[] head = lines[0].Split(','), row = lines[1].Split(',');
        Assert.Equal(2, lines.Length);
        Assert.Equal(head.Length, row.Length);
        string Cell(string name) => row[Array.IndexOf(head, name)];
        Assert.Equal(("10", "web", "2", "300", "16777216"), (Cell("seconds"), Cell("guest"), Cell("cpu_guest_seconds"), Cell("exits"), Cell("memory_held_bytes")));
    }

    /// <summary>Prometheus' text format 0.0.4: a line is a comment or a name, labels and a number; each family is announced once.</summary>
    [Fact]
    public void PrometheusTextIsWellFormed()
    {
        string[] lines = PrometheusText.Write(After).TrimEnd('\n').Split('\n');
        Assert.All(lines, line => Assert.Matches(@"^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\{guest=""[^""]*""(,reason=""[^""]*"")?\})? -?[0-9.E+-]+)$", line));
        string[] families = [.. lines.Where(line => line.StartsWith("# TYPE", StringComparison.Ordinal)).Select(line => line.Split(' ')[2])];
        Assert.Equal(families.Distinct(), families);
        Assert.Contains("rewriter_guest_cpu_guest_seconds_total{guest=\"web\"} 2", lines);
        Assert.All(lines.Where(line => line[0] != '#'), line => Assert.Contains(Regex.Match(line, "^[a-z_]+").Value, families));
    }

    [Fact]
    public void OpenTelemetryListenersGetEveryFigure()
    {
        var seen = new Dictionary<string, double>();
        using Meter meter = AccountMetrics.Create(() => After);
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, self) =>
            {
                if (instrument.Meter == meter)
                {
                    self.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) =>
        {
            Assert.Equal("web", tags[0].Value);
            seen[instrument.Name] = value;
        });
        listener.Start();
        listener.RecordObservableInstruments();
        Assert.Equal(AccountFigure.All.Count, seen.Count);
        Assert.Equal(2, seen["rewriter.guest.cpu_guest_seconds"]);
    }

    [Fact]
    public void BillIsQuantityTimesPrice()
    {
        var tariff = new Tariff("EUR", 0.5m, 3.6m, 1_000_000m, 0, 0, 360m);
        GuestBill bill = Assert.Single(GuestBill.Between(tariff, Before, After));
        // 2 s guest, 1 s monitor, 0.5 s devices; 262144 page-seconds are 1 GiB for a second; 7 requests; 10 s of being there.
        Assert.Equal(3.5m * 0.5m, bill.Lines[0].Amount);
        Assert.Equal(0.001m, bill.Lines[1].Amount, 9);
        Assert.Equal(7m, bill.Lines[2].Amount);
        Assert.Equal(1m, bill.Lines[5].Amount, 9);
        Assert.Equal(bill.Lines.Sum(line => line.Amount), bill.Total);
    }

    /// <summary>It was there for 3 s of the 10, by what its account adds up to.</summary>
    [Fact]
    public void EndedGuestPaysUntilItsEnd()
    {
        HostReport ended = After with { Guests = [After.Guests[0] with { Outcome = "ended", Cpu = Before.Guests[0].Cpu + new CpuTimes(1_000_000_000, 0, 0, 0, 500_000_000, 1_500_000_000) }] };
        GuestBill bill = Assert.Single(GuestBill.Between(new Tariff("EUR", 0, 0, 0, 0, 0, 3600m), Before, ended));
        Assert.Equal(3m, bill.Total, 9);
    }

    private static HostReport Report(long second, long part) => new(
        DateTime.UnixEpoch.AddSeconds(second), second * 1_000_000_000, 1, "proportional", 3_000_000, 5, 1000, 0, 0,
        [
            new GuestReport(
                "web", "running", null, null, 100, 1, 64 << 20, 9, new CpuTimes(2_000_000_000 * part, 1_000_000_000 * part, 500_000_000 * part, 0, 0, 0),
                new MemoryUse(4096, 10, 262_144 * part), new DiskUse(4 * part, 2 * part, part, 8192, 4096, 0, 0), default, [new ExitUse("Trap", 300 * part, 1)]),
        ]);
}
