using System.Globalization;

namespace Runtime.Reporting;

/// <summary>One cell: what was measured and, where less is better, its ratio to the best of the row.</summary>
public readonly record struct ComparisonCell(string Text, double? Ratio)
{
    public bool IsBest => Ratio is <= 1.0;

    /// <summary>"1.00", "37.2", "1520"; empty without a ratio.</summary>
    public string RatioText => Ratio switch
    {
        null => "",
        < 10 => Ratio.Value.ToString("0.00", CultureInfo.InvariantCulture),
        < 100 => Ratio.Value.ToString("0.0", CultureInfo.InvariantCulture),
        _ => Ratio.Value.ToString("0", CultureInfo.InvariantCulture),
    };
}

/// <summary>One line of the table.</summary>
public sealed record ComparisonRow(string Group, string Label, IReadOnlyList<ComparisonCell> Cells);

/// <summary>The layout that the text and the HTML report share: the guest's figures, times, exits, results.</summary>
public sealed record ComparisonTable(IReadOnlyList<string> Columns, IReadOnlyList<ComparisonRow> Rows)
{
    public static ComparisonTable For(ComparisonReport report)
    {
        IReadOnlyList<ComparisonColumn> columns = report.Columns;
        var rows = new List<ComparisonRow>();
        foreach (string name in columns.SelectMany(column => column.Figures).Select(figure => figure.Name).Distinct())
        {
            rows.Add(Measured("guest's figures", name, columns, column => column.Figures.FirstOrDefault(figure => figure.Name == name)?.Nanoseconds));
        }

        foreach (string name in columns.SelectMany(column => column.Disk).Select(figure => figure.Name).Distinct())
        {
            rows.Add(Rated("disk", $"{name}, MiB/s", columns, column => Disk(column, name)?.Rate));
            rows.Add(Stated("disk", $"{name}, exits for 1 MiB", columns, column => Disk(column, name)?.ExitsPerMebibyte is double exits ? Rounded(exits) : "-"));
        }

        rows.Add(Measured("time", "wall", columns, column => column.ExitStatus is null ? null : column.WallNanoseconds));
        rows.Add(Measured("time", "guest CPU", columns, column => column.GuestCpuNanoseconds));
        foreach (string reason in columns.SelectMany(column => column.Exits).Select(exit => exit.Reason).Distinct().Order(StringComparer.Ordinal))
        {
            rows.Add(Stated("exits", reason, columns, column => Exits(column, reason)));
        }

        rows.Add(Stated("result", "exit status", columns, column => column.ExitStatus?.ToString(CultureInfo.InvariantCulture) ?? "-"));
        rows.Add(Stated("result", "last line", columns, column => column.LastLine ?? "-"));
        return new ComparisonTable([.. columns.Select(column => column.Name)], rows);
    }

    /// <summary>What went wrong, one line per configuration that has something to say.</summary>
    public static IEnumerable<string> Remarks(ComparisonReport report)
        => report.Columns.Where(column => column.Problem is not null).Select(column => $"{column.Name}: {column.Problem}");

    /// <summary>"12.3 ns", "4.56 µs", "7.89 ms", "1.23 s".</summary>
    public static string Time(double nanoseconds)
    {
        (double value, string unit) = nanoseconds switch
        {
            < 1e3 => (nanoseconds, "ns"),
            < 1e6 => (nanoseconds / 1e3, "µs"),
            < 1e9 => (nanoseconds / 1e6, "ms"),
            _ => (nanoseconds / 1e9, "s"),
        };
        string format = value < 10 ? "0.00" : value < 100 ? "0.0" : "0";
        return value.ToString(format, CultureInfo.InvariantCulture) + " " + unit;
    }

    private static string Exits(ComparisonColumn column, string reason)
    {
        ExitStatistic? exits = column.Exits.FirstOrDefault(exit => exit.Reason == reason);
        return exits is null ? "-" : $"{exits.Count.ToString(CultureInfo.InvariantCulture)} ({Time(exits.Nanoseconds)})";
    }

    private static ComparisonRow Measured(string group, string label, IReadOnlyList<ComparisonColumn> columns, Func<ComparisonColumn, double?> value)
    {
        double best = columns.Select(value).Where(nanoseconds => nanoseconds > 0).Min() ?? 0;
        return new ComparisonRow(group, label, [.. columns.Select(column => Cell(value(column), best))]);
    }

    private static DeviceFigure? Disk(ComparisonColumn column, string name) => column.Disk.FirstOrDefault(figure => figure.Name == name);

    /// <summary>More is better; the ratio says how many times the best of the row one falls short.</summary>
    private static ComparisonRow Rated(string group, string label, IReadOnlyList<ComparisonColumn> columns, Func<ComparisonColumn, double?> value)
    {
        double best = columns.Select(value).Max() ?? 0;
        return new ComparisonRow(group, label, [.. columns.Select(column => value(column) is double rate ? new ComparisonCell(Rounded(rate), best / rate) : new ComparisonCell("-", null))]);
    }

    private static string Rounded(double value) => value.ToString(value < 100 ? "0.0" : "0", CultureInfo.InvariantCulture);

    private static ComparisonCell Cell(double? nanoseconds, double best)
        => nanoseconds is double measured
            ? new ComparisonCell(Time(measured), measured > 0 && best > 0 ? measured / best : null)
            : new ComparisonCell("-", null);

    private static ComparisonRow Stated(string group, string label, IReadOnlyList<ComparisonColumn> columns, Func<ComparisonColumn, string> text)
        => new(group, label, [.. columns.Select(column => new ComparisonCell(text(column), null))]);
}
