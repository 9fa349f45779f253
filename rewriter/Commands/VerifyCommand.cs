using System.CommandLine;
using Rewriter.Audit;
using Rewriter.Images;
using Rewriter.Rewritten;
using Rewriter.Verification;

namespace Rewriter.Commands;

/// <summary>rewriter verify OUT [--against ORIGINAL]</summary>
static class VerifyCommand
{
    public static Command Create()
    {
        var image = new Argument<FileInfo>("OUT") { Description = "A rewritten image" };
        var against = new Option<FileInfo?>("--against")
        {
            Description = "The original, as kept elsewhere; without it, the one that OUT gives back",
            HelpName = "ORIGINAL",
        };
        Option<ReportFormat?> format = ReportOptions.TextOrJson();
        Option<FileInfo?> output = ReportOptions.OutputFile();
        var command = new ExampleCommand(
            "verify",
            $"Prove that a rewritten image is its original but for what it lists, and that this does what the original did. "
                + $"Status {ExitStatus.NotVerified} when it is not so.",
            "rewriter verify kernel-para.elf",
            "rewriter verify kernel-para.elf --against kernel.elf --format json")
        {
            image,
            against,
            format,
            output,
        };
        command.SetAction(parsed => FailureLine.Guard(parsed.GetRequiredValue(image), () =>
        {
            FileInfo file = parsed.GetRequiredValue(image);
            byte[] bytes = RewrittenOrPlain.ReadFile(file);
            byte[]? original = parsed.GetValue(against) is { } kept ? RewrittenOrPlain.ReadFile(kept) : null;
            if (!RewrittenImage.IsRewritten(bytes))
            {
                throw new BadImageException("not a rewritten image: it carries no manifest");
            }

            try
            {
                VerificationReport report = Progress.Run("verifying", _ => ImageVerifier.Verify(file.Name, bytes, original));
                new Output(parsed.GetValue(output)).Write(ReportOptions.FormatFor(parsed, format, output), report);
                return report.IsGood ? ExitStatus.Good : ExitStatus.NotVerified;
            }
            catch (BadImageException damaged)
            {
                FailureLine.Write($"{file}: {damaged.Message}");
                return ExitStatus.NotVerified;
            }
        }));
        return command;
    }
}
