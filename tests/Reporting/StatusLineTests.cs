using Runtime.Accounts;
using Runtime.Reporting;
using Xunit;

namespace Tests.Reporting;

public sealed class StatusLineTests
{
    private static readonly IReadOnlyList<StatusLine> s_lines =
    [
        new("hog", "running", 93.5, 93.1, 0.3, 0.1, 1.2, 0.4, 16, 170, 0, "12.34s", ""),
        new("dead", "ended", 0, 0, 0, 0, 0, 0, 0, 0, 0, "0.00s", "guest died: triple fault at 0x00100000 (main+0x20), after it had said a great deal"),
    ];

    [Fact]
    public void PipeGetsAllColumnsAndTheEnding()
    {
        string[] rows = StatusLine.Table(s_lines).Split('\n');
        Assert.Equal("GUEST  STATE    CPU%  GUEST%  MON%  DEV%  WAIT%  ST%  MEM  EXITS/s  DISK K/s  CPU TIME", rows[0]);
        Assert.Equal("hog    running  93.5    93.1   0.3   0.1    1.2  0.4  16M      170         0    12.34s", rows[1]);
        Assert.EndsWith("0.00s  guest died: triple fault at 0x00100000 (main+0x20), after it had said a great deal", rows[2], StringComparison.Ordinal);
    }

    /// <summary>What matters least goes first; what is left is never wrapped.</summary>
    [Theory]
    [InlineData(80, "GUEST  STATE    CPU%  GUEST%  MON%  WAIT%  ST%  MEM  EXITS/s  DISK K/s  CPU TIME")]
    [InlineData(60, "GUEST  STATE    CPU%  WAIT%  ST%  MEM  EXITS/s  CPU TIME")]
    [InlineData(20, "GUEST  STATE    CPU%")]
    public void NarrowTerminalGetsWhatFits(int width, string headings)
    {
        string[] rows = StatusLine.Table(s_lines, width).Split('\n');
        Assert.Equal(headings, rows[0].TrimEnd());
        Assert.All(rows, row => Assert.True(row.Length <= width, row));
        Assert.Equal(4, rows.Length);
    }
}
