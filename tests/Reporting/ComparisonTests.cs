using Runtime.Devices;
using Runtime.Engines;
using Runtime.Reporting;
using Xunit;

namespace Tests.Reporting;

public sealed class ComparisonTests
{
    private static readonly ComparisonReport Report = new("kernel.elf",
    [
        new ComparisonColumn("full (direct)", 33, null, 2_000_000, 1_500_000, [new ExitStatistic("trap", 10, 28_000)], [new GuestFigure("cli-sti", 1, 60, 30)], [new DeviceFigure("read", 2 << 20, 64, 40_000, 3000)], "done"),
        new ComparisonColumn("para <b>", 33, null, 1_000_000, 900_000, [], [new GuestFigure("cli-sti", 1, 6, 3)], [new DeviceFigure("read", 2 << 20, 64, 4_000, 9)], "done"),
        new ComparisonColumn("broken", null, "no such engine", 0, null, [], [], [], null),
    ]);

    [Fact]
    public void FiguresAreReadFromSerialOutput()
    {
        IReadOnlyList<GuestFigure> figures = GuestFigure.ReadAll(
            "hello\r\nbench cli-sti iterations 131072 cycles 98.4 ns 88.3\r\nbench broken iterations x cycles 1 ns 1\nbench rdtsc iterations 7 cycles 8 ns 9\n"
            + "bench huge iterations 99999999999999999999999 cycles 1 ns 1\nbench cli-sti iterations 1 cycles 2 ns 3\n");
        Assert.Equal([new GuestFigure("cli-sti", 1, 2, 3), new GuestFigure("rdtsc", 7, 8, 9)], figures);
    }

    [Fact]
    public void RatiosAreToTheBestOfTheRow()
    {
        ComparisonTable table = ComparisonTable.For(Report);
        ComparisonRow row = table.Rows.Single(row => row.Label == "cli-sti");
        Assert.Equal(["10.0", "1.00", ""], row.Cells.Select(cell => cell.RatioText));
        Assert.Equal(["30.0 ns", "3.00 ns", "-"], row.Cells.Select(cell => cell.Text));
        Assert.Equal([false, true, false], row.Cells.Select(cell => cell.IsBest));
    }

    [Fact]
    public void DisksHaveRatesAndExits()
    {
        ComparisonTable table = ComparisonTable.For(Report);
        ComparisonRow rate = table.Rows.Single(row => row.Label == "read, MiB/s"), exits = table.Rows.Single(row => row.Label == "read, exits for 1 MiB");
        Assert.Equal(["50.0", "500", "-"], rate.Cells.Select(cell => cell.Text));
        Assert.Equal(["10.0", "1.00", ""], rate.Cells.Select(cell => cell.RatioText));
        Assert.Equal(["1500", "4.5", "-"], exits.Cells.Select(cell => cell.Text));
    }

    [Fact]
    public void ExitsAreThoseBetweenTheGuestsMarks()
    {
        var counters = new ExitCounters();
        var marks = new ExitMarks(new NullSerialEndpoint(), counters);
        counters.Open("Trap").Add(1);
        Send("disk other bytes 1 operations 1 us 1\n");
        Send("disk read begins\r\n");
        counters.Open("Trap").Add(1);
        counters.Open("Hypercall").Add(1);
        counters.Open("PortRead").Add(1); // what became of the trap
        Send("d");
        counters.Open("Trap").Add(1); // to print
        Send("isk read bytes 512 operations 1 us 9\r\n");
        counters.Open("Trap").Add(1);
        Send(new string('x', 100_000) + "\ndisk read bytes 512 operations 1 us 9\n");
        Assert.Equal(["read"], marks.Exits.Keys);
        Assert.Equal(new Dictionary<string, long> { ["Trap"] = 1, ["Hypercall"] = 1 }, marks.Exits["read"]);
        Assert.Equal(
            [new DeviceFigure("read", 512, 1, 9, 2)],
            DeviceFigure.ReadAll("disk read begins\r\ndisk read bytes 512 operations 1 us 9\r\ndisk huge bytes 99999999999999999999 operations 1 us 1\n", new Dictionary<string, long> { ["read"] = 2 }));

        void Send(string text)
        {
            foreach (char character in text)
            {
                marks.Send((byte)character);
            }
        }
    }

    [Fact]
    public void TextHasEveryColumnAndRemark()
    {
        var text = new StringWriter();
        TextReport.Write(Report, text, width: null);
        Assert.Contains("full (direct)", text.ToString(), StringComparison.Ordinal);
        Assert.Contains("10 (28.0 µs)", text.ToString(), StringComparison.Ordinal);
        Assert.Contains("broken: no such engine", text.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain(text.ToString().Split('\n'), line => line.EndsWith(' '));
    }

    [Fact]
    public void HtmlIsEscapedAndSelfContained()
    {
        var html = new StringWriter();
        HtmlReport.Write(Report, html);
        Assert.Contains("para &lt;b&gt;", html.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("src=", html.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("href=", html.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0.5, "0.50 ns")]
    [InlineData(1234, "1.23 µs")]
    [InlineData(45_600_000, "45.6 ms")]
    [InlineData(7_890_000_000, "7.89 s")]
    public void TimesHaveThreeFigures(double nanoseconds, string text) => Assert.Equal(text, ComparisonTable.Time(nanoseconds));
}
