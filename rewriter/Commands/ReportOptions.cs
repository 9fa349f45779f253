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
    public static Option<ReportFormat?> Format() => Of(ReportFormat.Text, ReportFormat.Json, ReportFormat.Sarif, ReportFormat.Html);

    /// <summary>For reports that have these two forms alone.</summary>
    public static Option<ReportFormat?> TextOrJson() => Of(ReportFormat.Text, ReportFormat.Json);

    public static Option<FileInfo?> OutputFile() =>
        new("-o", "--output") { Description = "Write the report to FILE instead of standard output", HelpName = "FILE" };

    /// <summary>What --format says; without it what the file's name does.</summary>
    public static ReportFormat FormatFor(ParseResult parsed, Option<ReportFormat?> format, Option<FileInfo?> output) =>
        parsed.GetValue(format) ?? FormatOf(parsed.GetValue(output));

    /// <summary>The form that a file's extension stands for: .json, .sarif, .sarif.json, .html, .htm; text for all others, and for standard
    /// output.</summary>
    public static ReportFormat FormatOf(FileInfo? file)
    {
        string name = file?.Name.ToLowerInvariant() ?? "";
        return name.EndsWith(".sarif", StringComparison.Ordinal) || name.EndsWith(".sarif.json", StringComparison.Ordinal) ? ReportFormat.Sarif
            : Path.GetExtension(name) switch
            {
                ".json" => ReportFormat.Json,
                ".html" or ".htm" => ReportFormat.Html,
                _ => ReportFormat.Text,
            };
    }

    static Option<ReportFormat?> Of(params ReportFormat[] formats)
    {
        var option = new Option<ReportFormat?>("--format")
        {
            Description = "Form of the report; without it FILE's extension says, and else it is text",
            HelpName = Choice.HelpName(formats),
            CustomParser = result => Choice.Parse(result, "--format", formats),
        };
        option.CompletionSources.Clear();
        option.CompletionSources.Add([.. formats.Select(Choice.NameOf)]);
        return option;
    }
}
