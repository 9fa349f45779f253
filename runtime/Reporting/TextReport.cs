using Spectre.Console;

namespace Runtime.Reporting;

/// <summary>The comparison as a table for a terminal or a text file.</summary>
public static class TextReport
{
    /// <summary>Where the terminal's width is unknown nothing is wrapped.</summary>
    private const int UnlimitedWidth = 500;

    public static void Write(ComparisonReport report, TextWriter writer, int? width)
    {
        var text = new StringWriter();
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = AnsiSupport.No,
            ColorSystem = ColorSystemSupport.NoColors,
            Out = new AnsiConsoleOutput(text),
        });
        console.Profile.Width = width ?? UnlimitedWidth;

        ComparisonTable layout = ComparisonTable.For(report);
        var table = new Table { Border = TableBorder.Simple };
        table.AddColumn("");
        foreach (string column in layout.Columns)
        {
            table.AddColumn(new TableColumn(Markup.Escape(column)).RightAligned());
        }

        string group = "";
        foreach (ComparisonRow row in layout.Rows)
        {
            if (row.Group != group)
            {
                group = row.Group;
                table.AddRow([new Text(group.ToUpperInvariant()), .. layout.Columns.Select(_ => new Text(""))]);
            }

            table.AddRow([new Text(row.Label), .. row.Cells.Select(Show)]);
        }

        console.Write(table);
        writer.WriteLine(report.Image);
        foreach (string line in text.ToString().Split('\n').Select(line => line.TrimEnd()).Where(line => line.Length > 0))
        {
            writer.WriteLine(line);
        }

        foreach (string remark in ComparisonTable.Remarks(report))
        {
            writer.WriteLine(remark);
        }
    }

    private static Text Show(ComparisonCell cell) => new(cell.Ratio is null ? cell.Text : $"{cell.Text}  x{cell.RatioText}");
}
