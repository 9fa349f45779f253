using System.Globalization;
using Runtime.Accounts;

namespace Runtime.Reporting;

/// <summary>The accounts as CSV (RFC 4180): a row for each guest and interval. Counters are what came in the interval, the others what they were
/// at its end.</summary>
internal sealed class AccountCsv(TextWriter writer) : IDisposable
{
    private HostReport? _last;

    /// <summary>Writes the rows of the interval that ends with a report; for the first report only the header.</summary>
    public void Write(HostReport report)
    {
        if (_last is null)
        {
            writer.Write("time,seconds,guest," + string.Join(',', AccountFigure.All.Select(figure => figure.Name)) + "\r\n");
        }
        else
        {
            WriteRows(_last, report);
        }

        writer.Flush();
        _last = report;
    }

    public void Dispose() => writer.Dispose();

    private void WriteRows(HostReport from, HostReport to)
    {
        foreach (GuestReport guest in to.Guests)
        {
            GuestReport? before = from.Guests.FirstOrDefault(other => other.Name == guest.Name);
            string seconds = Number((to.UptimeNanoseconds - from.UptimeNanoseconds) / 1e9);
            IEnumerable<string> figures = AccountFigure.All
                .Select(figure => Number(figure.Of(guest) - (figure.IsCounter && before is not null ? figure.Of(before) : 0)));
            writer.Write($"{to.Time:yyyy-MM-ddTHH:mm:ss.fffZ},{seconds},{guest.Name},{string.Join(',', figures)}\r\n");
        }
    }

    private static string Number(double value) => Math.Round(value, 9).ToString("R", CultureInfo.InvariantCulture);
}
