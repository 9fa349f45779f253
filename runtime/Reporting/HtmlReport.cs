using System.Net;
using System.Text;

namespace Runtime.Reporting;

/// <summary>The comparison as one HTML page that needs nothing else.</summary>
public static class HtmlReport
{
    public static void Write(ComparisonReport report, TextWriter writer)
    {
        ComparisonTable table = ComparisonTable.For(report);
        writer.Write($$"""
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>{{Escape(report.Image)}}: comparison</title>
            <style>
            body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem; color: #1b1f24; background: #fff; }
            table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
            th, td { padding: .25rem .8rem; text-align: right; border-bottom: 1px solid #d8dee4; vertical-align: top; }
            th:first-child { text-align: left; font-weight: 400; }
            thead th { position: sticky; top: 0; background: #fff; font-weight: 600; }
            .group th { font-weight: 600; padding-top: 1rem; }
            .best { background: #dafbe1; }
            small { color: #57606a; margin-left: .4rem; }
            @media (prefers-color-scheme: dark) {
              body, thead th { color: #e6edf3; background: #0d1117; }
              th, td { border-color: #30363d; }
              .best { background: #12361f; }
              small { color: #9198a1; }
            }
            </style>
            </head>
            <body>
            <h1>{{Escape(report.Image)}}</h1>
            <p>Times are per iteration where the guest measured them. Each ratio is to the best of its row.</p>
            <table>
            <thead><tr><th></th>{{string.Concat(table.Columns.Select(column => $"<th scope=\"col\">{Escape(column)}</th>"))}}</tr></thead>
            <tbody>

            """);
        writer.Write(Rows(table));
        writer.Write("</tbody>\n</table>\n");
        writer.Write(string.Concat(ComparisonTable.Remarks(report).Select(remark => $"<p>{Escape(remark)}</p>\n")));
        writer.Write("</body>\n</html>\n");
    }

    private static string Rows(ComparisonTable table)
    {
        var html = new StringBuilder();
        string group = "";
        foreach (ComparisonRow row in table.Rows)
        {
            if (row.Group != group)
            {
                group = row.Group;
                html.Append($"<tr class=\"group\"><th colspan=\"{table.Columns.Count + 1}\" scope=\"rowgroup\">{Escape(group)}</th></tr>\n");
            }

            html.Append($"<tr><th scope=\"row\">{Escape(row.Label)}</th>");
            foreach (ComparisonCell cell in row.Cells)
            {
                string ratio = cell.Ratio is null ? "" : $"<small>×{cell.RatioText}</small>";
                html.Append($"<td{(cell.IsBest ? " class=\"best\"" : "")}>{Escape(cell.Text)}{ratio}</td>");
            }

            html.Append("</tr>\n");
        }

        return html.ToString();
    }

    private static string Escape(string text) => WebUtility.HtmlEncode(text);
}
