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

    /// <summary>For reports that have these two forms alone.</summary>
    public static Option<ReportFormat> TextOrJson()
    {
        Option<ReportFormat> format = Format();
        format.Description = "text or json";
        format.HelpName = "text|json";
        format.Validators.Add(result =>
        {
            if (result.Tokens.Count == 1 && result.Tokens[0].Value.ToLowerInvariant() is not ("text" or "json"))
            {
                result.AddError($"--format is text or json here, not '{result.Tokens[0].Value}'");
            }
        });
        return format;
    }

    public static Option<FileInfo?> OutputFile() =>
        new("-o", "--output") { Description = "Write the report to FILE instead of standard output", HelpName = "FILE" };
}
