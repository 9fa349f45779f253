// The command line of the runtime: parses, dispatches, and turns what the user can mend into one line and an exit status.
using System.CommandLine;
using System.CommandLine.Parsing;
using Rewriter.Commands;
using Rewriter.Images;
using Runtime;
using Runtime.Commands;
using Runtime.Hosting;

var root = new RootCommand("Runs operating-system kernels built for bare IA-32 hardware as guests of an ordinary process.")
{
    new RunCommand().Build(),
    new CompareCommand().Build(),
    new LockstepCommand().Build(),
    new HostCommand().Build(),
    new PsCommand().Build(),
    new StatsCommand().Build(),
    new GuestOrderCommand("pause", "Stop a guest where it is, until it is resumed.").Build(),
    new GuestOrderCommand("resume", "Let a paused guest go on.").Build(),
    new MemoryCommand().Build(),
    new GuestOrderCommand("stop", "End a guest, or the host and all its guests.", canMeanAll: true).Build(),
    new ConsoleCommand().Build(),
    new XenStoreCommand().Build(),
    new BillCommand().Build(),
    CompletionCommand.Create("runtime"),
};
root.Add(ReferenceCommand.Create("runtime", root));
ParseResult result = root.Parse(args);
if (result.Errors.Count > 0)
{
    // The last one is the most particular: an unknown word is also a missing command.
    return Fail(result.Errors[^1].Message.TrimEnd('.') + " (see runtime --help)", Outcome.UsageStatus);
}

try
{
    return result.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
}
catch (UsageException exception)
{
    return Fail(exception.Message, Outcome.UsageStatus);
}
catch (DescriptionException exception)
{
    return Fail(exception.Message, Outcome.UsageStatus);
}
catch (EngineUnavailableException exception)
{
    return Fail(exception.Message, Outcome.UsageStatus);
}
catch (BadImageException exception)
{
    return Fail($"{result.GetValue<string>("IMAGE")}: {exception.Message}", Outcome.BadImageStatus);
}

static int Fail(string line, int status)
{
    Console.Error.WriteLine("runtime: " + string.Join(' ', line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)));
    return status;
}
