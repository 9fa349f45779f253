using System.Globalization;
using System.Text;
using Runtime.Accounts;

namespace Runtime.Reporting;

/// <summary>Bills for a person to read.</summary>
internal static class BillText
{
    public static string Write(Tariff tariff, HostReport? from, HostReport to)
    {
        IReadOnlyList<GuestBill> bills = GuestBill.Between(tariff, from, to);
        double seconds = (to.UptimeNanoseconds - (from?.UptimeNanoseconds ?? 0)) / 1e9;
        var text = new StringBuilder();
        Line(text, $"{seconds:f1} s up to {to.Time:yyyy-MM-dd HH:mm:ss} UTC, in {tariff.Currency}");
        foreach (GuestBill bill in bills)
        {
            Line(text, $"{bill.Guest}");
            foreach (BillLine line in bill.Lines.Where(line => line.Quantity > 0))
            {
                Line(text, $"  {line.What,-18}{line.Quantity,16:f6} {line.Unit,-8} at {line.Price,12:0.00######}{line.Amount,16:f8}");
            }

            Line(text, $"  {"total",-18}{bill.Total,56:f8}");
        }

        Line(text, $"{"all guests",-20}{bills.Sum(bill => bill.Total),56:f8}");
        return text.ToString();
    }

    private static void Line(StringBuilder text, FormattableString line) => text.Append(line.ToString(CultureInfo.InvariantCulture)).Append('\n');
}
