using System.Text;

namespace Rewriter.Audit;

/// <summary>Rows of text as aligned columns, two spaces apart, without trailing blanks: what a pipe gets instead of a drawn
/// table.</summary>
public sealed class TextColumns
{
    readonly List<string[]> _rows = [];

    public void Add(params string[] cells) => _rows.Add(cells);

    /// <param name="rightAligned">Columns that hold numbers.</param>
    public void WriteTo(TextWriter writer, params int[] rightAligned)
    {
        int columns = _rows.Count == 0 ? 0 : _rows.Max(r => r.Length);
        var widths = new int[columns];
        foreach (string[] row in _rows)
        {
            for (int i = 0; i < row.Length; i++)
            {
                widths[i] = Math.Max(widths[i], row[i].Length);
            }
        }

        var line = new StringBuilder();
        foreach (string[] row in _rows)
        {
            line.Clear();
            for (int i = 0; i < row.Length; i++)
            {
                line.Append(rightAligned.Contains(i) ? row[i].PadLeft(widths[i]) : row[i].PadRight(widths[i])).Append("  ");
            }

            writer.Write(line.ToString().TrimEnd());
            writer.Write('\n');
        }
    }
}
