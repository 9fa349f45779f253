using Runtime.Accounts;
using Runtime.Reporting;
using Spectre.Console;

namespace Runtime.Commands;

/// <summary>One line of status for each guest: a table that is redrawn on a terminal, plain lines elsewhere.</summary>
internal sealed class HostDisplay(Func<HostReport> report, TimeSpan interval)
{
    private HostReport? _last;

    /// <summary>Shows what goes on until it is over.</summary>
    /// <param name="isOver">Waits for the end as long as it is told, and says whether it has come.</param>
    /// <param name="sampled">Is given each report that is shown.</param>
    public void Run(Func<TimeSpan, bool> isOver, Action<HostReport> sampled)
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

        AnsiConsole.Live(Draw([])).AutoClear(false).Start(context =>
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

    private static Table Draw(IReadOnlyList<StatusLine> lines)
    {
        var table = new Table { Border = TableBorder.Simple };
        foreach ((string heading, int index) in StatusLine.Headings.Select((heading, index) => (heading, index)))
        {
            var column = new TableColumn(Markup.Escape(heading)) { NoWrap = true };
            table.AddColumn(index < 2 ? column : column.RightAligned());
        }

        foreach (StatusLine line in lines)
        {
            table.AddRow([.. line.Cells.Select(Markup.Escape)]);
        }

        return table;
    }
}
