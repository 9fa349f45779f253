using System.CommandLine;
using Rewriter.Audit;
using Rewriter.Images;
using Rewriter.Patching;
using Rewriter.Policies;
using Rewriter.Rewritten;

namespace Rewriter.Commands;

/// <summary>rewriter audit OUT</summary>
static class AuditCommand
{
    public static Command Create()
    {
        var image = new Argument<FileInfo>("OUT") { Description = "A rewritten image" };
        Option<ReportFormat?> format = ReportOptions.Format();
        Option<FileInfo?> output = ReportOptions.OutputFile();
        Option<FindingKinds> failOn = PolicyOptions.FailOn();
        var command = new ExampleCommand(
            "audit",
            "Report what was done to every site of a rewritten image, and why.",
            "rewriter audit kernel-para.elf",
            "rewriter audit vmlinuz-full -o audit.html",
            "rewriter audit vmlinuz-full --format sarif -o audit.sarif")
        {
            image,
            format,
            output,
            failOn,
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
            new Output(parsed.GetValue(output)).Write(ReportOptions.FormatFor(parsed, format, output), report);
            return PolicyOptions.StatusOf(plan, parsed.GetValue(failOn));
        }));
        return command;
    }
}
