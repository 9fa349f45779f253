using System.CommandLine;
using Rewriter.Rewritten;

namespace Rewriter.Commands;

/// <summary>rewriter restore OUT -o ORIGINAL</summary>
static class RestoreCommand
{
    public static Command Create()
    {
        var image = new Argument<FileInfo>("OUT") { Description = "A rewritten image" };
        var output = new Option<FileInfo>("-o", "--output")
        {
            Description = "The original image, byte for byte",
            Required = true,
            HelpName = "ORIGINAL"
        };
        var command = new ExampleCommand(
            "restore",
            "Undo a rewrite. The result is the file that was rewritten, byte for byte, or an error.",
            "rewriter restore kernel-para.elf -o kernel.elf")
        {
            image,
            output,
        };
        command.SetAction(parsed => FailureLine.Guard(parsed.GetRequiredValue(image), () =>
        {
            byte[] original = RewrittenImage.Restore(RewrittenOrPlain.ReadFile(parsed.GetRequiredValue(image)));
            AtomicFile.Write(parsed.GetRequiredValue(output).FullName, original);
            return ExitStatus.Good;
        }));
        return command;
    }
}
