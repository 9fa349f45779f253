using System.CommandLine;
using Rewriter.Audit;
using Rewriter.Diff;

namespace Rewriter.Commands;

/// <summary>rewriter diff OLD NEW</summary>
static class DiffCommand
{
    public static Command Create()
    {
        var old = new Argument<FileInfo>("OLD") { Description = "An image, original or rewritten" };
        var @new = new Argument<FileInfo>("NEW") { Description = "Another one: of another version, or rewritten otherwise" };
        Option<ReportFormat?> format = ReportOptions.TextOrJson();
        Option<FileInfo?> output = ReportOptions.OutputFile();
        var command = new ExampleCommand(
            "diff",
            $"Tell what changed between two images, by function: sites gone and new, other tactics, other shims. "
                + $"Status {ExitStatus.Different} when anything did.",
            "rewriter diff vmlinuz-6.1.0-49-686 vmlinuz-6.1.0-50-686",
            "rewriter diff kernel-para.elf kernel-para-new.elf -o changes.json")
        {
            old,
            @new,
            format,
            output,
        };
        command.SetAction(parsed =>
        {
            int status = Read(parsed.GetRequiredValue(old), out DiffSide? before);
            status = status == ExitStatus.Good ? Read(parsed.GetRequiredValue(@new), out DiffSide? after) : Skip(status, out after);
            return status != ExitStatus.Good ? status : FailureLine.Guard(parsed.GetRequiredValue(@new), () =>
            {
                ImageDiff diff = ImageDiff.Between(before!, after!);
                new Output(parsed.GetValue(output)).Write(ReportOptions.FormatFor(parsed, format, output), diff);
                return diff.IsEmpty ? ExitStatus.Good : ExitStatus.Different;
            });
        });
        return command;
    }

    static int Read(FileInfo file, out DiffSide? side)
    {
        DiffSide? read = null;
        int status = FailureLine.Guard(file, () =>
        {
            read = Progress.Run($"reading {file.Name}", _ => DiffSide.Read(file.Name, RewrittenOrPlain.ReadFile(file)));
            return ExitStatus.Good;
        });
        side = read;
        return status;
    }

    static int Skip(int status, out DiffSide? side)
    {
        side = null;
        return status;
    }
}
