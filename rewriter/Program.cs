// The command line. Each command is a file in Commands/.
using System.CommandLine;
using System.Runtime.InteropServices;
using Rewriter.Commands;

// A signal leaves nothing half behind.
using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Interrupt);
using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Interrupt);

var root = new RootCommand("Finds and patches the instructions that keep a kernel from running deprivileged.")
{
    ScanCommand.Create(),
    RewriteCommand.Create(),
    AuditCommand.Create(),
    VerifyCommand.Create(),
    CoverageCommand.Create(),
    DiffCommand.Create(),
    RestoreCommand.Create(),
    CompletionCommand.Create("rewriter"),
};
root.Add(ReferenceCommand.Create("rewriter", root));
ExampleCommand.ShowExamples(root);
ParseResult parsed = root.Parse(args);
if (parsed.Errors.Count != 0)
{
    string what = parsed.UnmatchedTokens.Count != 0 ? $"unknown command or argument '{parsed.UnmatchedTokens[0]}'"
        : parsed.Errors[0].Message.TrimEnd('.');
    FailureLine.Write($"{what}; see rewriter {parsed.CommandResult.Command.Name} --help".Replace("rewriter rewriter", "rewriter"));
    return ExitStatus.Usage;
}

return parsed.Invoke(new InvocationConfiguration { ProcessTerminationTimeout = null, EnableDefaultExceptionHandler = false });

static void Interrupt(PosixSignalContext context)
{
    AtomicFile.Abandon();
    Environment.Exit(context.Signal == PosixSignal.SIGINT ? ExitStatus.Interrupted : ExitStatus.Terminated);
}
