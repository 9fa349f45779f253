using System.Globalization;
using System.Text;
using Runtime.Accounts;

namespace Runtime.Reporting;

/// <summary>The accounts in Prometheus' text format 0.0.4.</summary>
internal static class PrometheusText
{
    private const string Prefix = "rewriter_guest_";

    public static string Write(HostReport report)
    {
        var text = new StringBuilder();
        foreach (AccountFigure figure in AccountFigure.All)
        {
            string name = Prefix + figure.Name + (figure.IsCounter ? "_total" : "");
            Head(text, name, figure.Meaning, figure.IsCounter);
            foreach (GuestReport guest in report.Guests)
            {
                Line(text, $"{name}{{guest=\"{guest.Name}\"}}", figure.Of(guest));
            }
        }

        Head(text, Prefix + "exits_by_reason_total", "Exits by reason.", isCounter: true);
        foreach (GuestReport guest in report.Guests)
        {
            foreach (ExitUse exit in guest.Exits)
            {
                Line(text, $"{Prefix}exits_by_reason_total{{guest=\"{guest.Name}\",reason=\"{exit.Reason}\"}}", exit.Count);
            }
        }

        Host(text, "overhead_seconds_total", "Processor time of the host itself, which is nobody's.", report.OverheadNanoseconds / 1e9);
        Host(text, "measured_seconds_total", "All processor time, as the kernel measured it.", report.MeasuredNanoseconds / 1e9);
        Host(text, "switches_total", "Switches between guests.", report.Switches);
        return text.ToString();
    }

    private static void Host(StringBuilder text, string name, string meaning, double value)
    {
        Head(text, "rewriter_host_" + name, meaning, isCounter: true);
        Line(text, "rewriter_host_" + name, value);
    }

    private static void Head(StringBuilder text, string name, string meaning, bool isCounter)
        => text.Append("# HELP ").Append(name).Append(' ').Append(meaning).Append("\n# TYPE ").Append(name).Append(isCounter ? " counter\n" : " gauge\n");

    private static void Line(StringBuilder text, string name, double value)
        => text.Append(name).Append(' ').Append(value.ToString("R", CultureInfo.InvariantCulture)).Append('\n');
}
