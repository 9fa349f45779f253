using Runtime.Accounts;
using Runtime.Reporting;
using Spectre.Console;

namespace Runtime.Commands;

/// <summary>One line of status for each guest: a table that is redrawn on a terminal, plain lines elsewhere.</summary>
internal sealed class HostDisplay(Func<HostReport> report, TimeSpan interval)
{
    private HostReport? _last;

    /// <summary>How long a line of standard output may be.</summary>
    public static int Width => Console.IsOutputRedirected || AnsiConsole.Profile.Width <= 0 ? int.MaxValue : AnsiConsole.Profile.Width;

    /// <summary>Shows what goes on until it is over.</summary>
    /// <param name="isOver">Waits for the end as long as it is told, and says whether it has come.</param>
    /// <param name="sampled">Is given each report that is shown.</param>
    public void Run(Func<TimeSpan, bool> isOver, Action<HostReport> sampled)
    {
        try
        {
            Show(isOver, sampled);
        }
        catch (IOException)
        {
            // The terminal is gone, or the disk under the output is full: guests go on unseen until somebody ends them.
            while (!isOver(interval))
            {
                sampled(report());
            }
        }
    }

    private void Show(Func<TimeSpan, bool> isOver, Action<HostReport> sampled)
    {
        if (Console.IsOutputRedirected)
        {
            while (!isOver(interval))
            {
                Console.Out.Write(StatusLine.Table(Next(sampled)));
                Console.Out.Flush();
            }

            return;
        }

        AnsiConsole.Live(Draw([])).AutoClear(true).Start(context =>
        {
            while (!isOver(interval))
            {
                context.UpdateTarget(Draw(Next(sampled)));
            }
        });
    }

    private IReadOnlyList<StatusLine> Next(Action<HostReport> sampled)
    {
        HostReport now = report();
        IReadOnlyList<StatusLine> lines = StatusLine.Between(_last, now);
        _last = now;
        sampled(now);
        return lines;
    }

    private static Text Draw(IReadOnlyList<StatusLine> lines) => new(StatusLine.Table(lines, Width)) { Overflow = Overflow.Crop };
}
