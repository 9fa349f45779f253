using System.CommandLine;

namespace Rewriter.Commands;

/// <summary>Forms in which a report can be written.</summary>
public enum ReportFormat
{
    Text,
    Json,

    /// <summary>SARIF 2.1.0.</summary>
    Sarif,

    /// <summary>One page without outside references.</summary>
    Html,
}

/// <summary>Options that every reporting command has.</summary>
public static class ReportOptions
{
    public static Option<ReportFormat> Format() => new("--format")
    {
        Description = "text, json, sarif (2.1.0) or html (one self-contained page)",
        DefaultValueFactory = _ => ReportFormat.Text,
        HelpName = "text|json|sarif|html",
    };

    public static Option<FileInfo?> OutputFile() =>
        new("-o", "--output") { Description = "Write the report to FILE instead of standard output", HelpName = "FILE" };
}
