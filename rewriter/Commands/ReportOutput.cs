using Rewriter.Audit;
using Rewriter.Diff;
using Rewriter.Verification;

namespace Rewriter.Commands;

/// <summary>Writes a report in the form that was asked for.</summary>
static class ReportOutput
{
    public static void Write(this Output output, ReportFormat format, ScanReport report)
    {
        switch (format)
        {
            case ReportFormat.Json:
                output.WriteStream(stream => JsonReport.Write(stream, report));
                break;
            case ReportFormat.Sarif:
                output.WriteStream(stream => SarifReport.Write(stream, report));
                break;
            case ReportFormat.Html:
                output.WriteStream(stream => HtmlReport.Write(stream, report));
                break;
            default:
                output.WriteText(text => text.Write(report));
                break;
        }
    }

    public static void Write(this Output output, ReportFormat format, AuditReport report)
    {
        switch (format)
        {
            case ReportFormat.Json:
                output.WriteStream(stream => JsonReport.Write(stream, report));
                break;
            case ReportFormat.Sarif:
                output.WriteStream(stream => SarifReport.Write(stream, report));
                break;
            case ReportFormat.Html:
                output.WriteStream(stream => HtmlReport.Write(stream, report));
                break;
            default:
                output.WriteText(text => text.Write(report));
                break;
        }
    }

    public static void Write(this Output output, ReportFormat format, VerificationReport report)
    {
        if (format == ReportFormat.Json)
        {
            output.WriteStream(stream => JsonReport.Write(stream, report));
        }
        else
        {
            output.WriteText(text => text.Write(report));
        }
    }

    public static void Write(this Output output, ReportFormat format, ImageDiff diff)
    {
        if (format == ReportFormat.Json)
        {
            output.WriteStream(stream => JsonReport.Write(stream, diff));
        }
        else
        {
            output.WriteText(text => text.Write(diff));
        }
    }
}
