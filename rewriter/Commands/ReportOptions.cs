using System.CommandLine;

namespace Rewriter.Commands;

/// <summary>Forms in which a report can be written.</summary>
public enum ReportFormat
{
    Text,
    Json,
}

/// <summary>Options that every reporting command has.</summary>
public static class ReportOptions
{
    public static Option<ReportFormat> Format() => new("--format")
    {
        Description = "text or json",
        DefaultValueFactory = _ => ReportFormat.Text,
        HelpName = "text|json",
    };

    public static Option<FileInfo?> OutputFile() =>
        new("-o", "--output") { Description = "Write the report to FILE instead of standard output", HelpName = "FILE" };
}
