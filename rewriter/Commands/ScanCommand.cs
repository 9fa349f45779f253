using System.CommandLine;
using Rewriter.Audit;
using Rewriter.Images;
using Rewriter.Policies;
using Rewriter.Scanning;

namespace Rewriter.Commands;

/// <summary>rewriter scan IMAGE</summary>
static class ScanCommand
{
    public static Command Create()
    {
        Argument<FileInfo[]> images =
            ImagesArgument.Create("ELF, PE, bzImage or multiboot kernel, or kernel module; several, or directories, are surveyed");
        Option<ReportFormat?> format = ReportOptions.Format();
        Option<FileInfo?> output = ReportOptions.OutputFile();
        Option<FileInfo?> policy = PolicyOptions.Policy();
        var command = new ExampleCommand(
            "scan",
            "Report every sensitive instruction of a kernel image.",
            "rewriter scan vmlinuz-6.1.0-50-686",
            "rewriter scan kernel.elf -o sites.json",
            "rewriter scan kernel.elf -o sites.sarif",
            "rewriter scan /lib/modules/6.1.0-50-686")
        {
            images,
            format,
            output,
            policy,
        };
        command.SetAction(parsed =>
        {
            FileInfo[] files = parsed.GetRequiredValue(images);
            var target = new Output(parsed.GetValue(output));
            ReportFormat form = ReportOptions.FormatFor(parsed, format, output);
            return ScanSurvey.IsAskedFor(files) ? Survey(files, parsed.GetValue(policy), form, target)
                : ScanOne(files[0], parsed.GetValue(policy), form, target);
        });
        return command;
    }

    static int ScanOne(FileInfo image, FileInfo? policy, ReportFormat format, Output target) => FailureLine.Guard(image, () =>
        {
            Policy? rules = PolicyOptions.Read(policy);
            ScanResult scan = Progress.Run("scanning", _ => Scanner.Scan(RewrittenOrPlain.Load(image)));
            target.Write(format, ScanReport.Of(scan));
            rules?.Apply(scan.Sites);
            return ExitStatus.Good;
        });

    static int Survey(FileInfo[] images, FileInfo? policy, ReportFormat format, Output target) => FailureLine.Guard(images[0], () =>
        {
            if (format is not (ReportFormat.Text or ReportFormat.Json))
            {
                FailureLine.Write($"--format {Choice.NameOf(format)} is for one image, not for {images.Length} or a directory");
                return ExitStatus.Usage;
            }

            if (policy is not null)
            {
                FailureLine.Write("--policy is for one image, not for several or a directory");
                return ExitStatus.Usage;
            }

            SurveyReport report = Progress.Run("scanning", step => ScanSurvey.Run(images, step));
            if (format == ReportFormat.Json)
            {
                target.WriteStream(stream => JsonReport.Write(stream, report));
            }
            else
            {
                target.WriteText(text => text.Write(report));
            }

            foreach (SurveyFailure failure in report.Failures)
            {
                FailureLine.Write($"{failure.Path}: {failure.What}");
            }

            return report.Failures.Count == 0 ? ExitStatus.Good : ExitStatus.BadImage;
        });
}
