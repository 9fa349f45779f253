using System.CommandLine;
using Rewriter.Audit;
using Rewriter.Images;
using Rewriter.Patching;
using Rewriter.Rewritten;

namespace Rewriter.Commands;

/// <summary>rewriter audit OUT</summary>
static class AuditCommand
{
    public static Command Create()
    {
        var image = new Argument<FileInfo>("OUT") { Description = "A rewritten image" };
        Option<ReportFormat> format = ReportOptions.Format();
        Option<FileInfo?> output = ReportOptions.OutputFile();
        var command = new ExampleCommand(
            "audit",
            "Report what was done to every site of a rewritten image, and why.",
            "rewriter audit kernel-para.elf",
            "rewriter audit vmlinuz-full --format json -o audit.json")
        {
            image,
            format,
            output,
        };
        command.SetAction(parsed => FailureLine.Guard(parsed.GetRequiredValue(image), () =>
        {
            FileInfo file = parsed.GetRequiredValue(image);
            if (!RewrittenImage.TryOpen(file.Name, RewrittenOrPlain.ReadFile(file), out KernelImage original, out PatchPlan plan,
                out Manifest manifest))
            {
                throw new BadImageException("not a rewritten image: it carries no manifest");
            }

            AuditReport report = AuditReport.Of(original, plan, manifest);
            var target = new Output(parsed.GetValue(output));
            if (parsed.GetValue(format) == ReportFormat.Json)
            {
                target.WriteStream(stream => JsonReport.Write(stream, report));
            }
            else
            {
                target.WriteText(text => text.Write(report));
            }

            return RewritePipeline.IsIncomplete(plan) ? ExitStatus.Incomplete : ExitStatus.Good;
        }));
        return command;
    }
}
