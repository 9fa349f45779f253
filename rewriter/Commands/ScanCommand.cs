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
        var image = new Argument<FileInfo>("IMAGE") { Description = "ELF, PE, bzImage or multiboot kernel" };
        Option<ReportFormat> format = ReportOptions.Format();
        Option<FileInfo?> output = ReportOptions.OutputFile();
        Option<FileInfo?> policy = PolicyOptions.Policy();
        var command = new ExampleCommand(
            "scan",
            "Report every sensitive instruction of a kernel image.",
            "rewriter scan vmlinuz-6.1.0-50-686",
            "rewriter scan kernel.elf --format json -o sites.json",
            "rewriter scan kernel.elf --format sarif -o sites.sarif")
        {
            image,
            format,
            output,
            policy,
        };
        command.SetAction(parsed => FailureLine.Guard(parsed.GetRequiredValue(image), () =>
        {
            Policy? rules = PolicyOptions.Read(parsed.GetValue(policy));
            ScanResult scan = Progress.Run("scanning", _ => Scanner.Scan(RewrittenOrPlain.Load(parsed.GetRequiredValue(image))));
            ScanReport report = ScanReport.Of(scan);
            new Output(parsed.GetValue(output)).Write(parsed.GetValue(format), report);
            rules?.Apply(scan.Sites);

            return ExitStatus.Good;
        }));
        return command;
    }
}
