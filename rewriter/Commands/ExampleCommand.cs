using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace Rewriter.Commands;

/// <summary>A command whose help ends with examples.</summary>
sealed class ExampleCommand(string name, string description, params string[] examples) : Command(name, description), IHasExamples
{
    public IReadOnlyList<string> Examples => examples;

    /// <summary>Makes --help print the examples of the command that it is asked about.</summary>
    public static void ShowExamples(RootCommand root)
    {
        HelpOption help = root.Options.OfType<HelpOption>().Single();
        help.Action = new ExampleHelp((HelpAction)help.Action!);
    }

    sealed class ExampleHelp(HelpAction inner) : SynchronousCommandLineAction
    {
        public override bool ClearsParseErrors => true;

        public override int Invoke(ParseResult parsed)
        {
            int status = inner.Invoke(parsed);
            TextWriter writer = parsed.InvocationConfiguration.Output;
            IEnumerable<ExampleCommand> commands = parsed.CommandResult.Command is ExampleCommand one
                ? [one]
                : parsed.CommandResult.Command.Subcommands.OfType<ExampleCommand>();
            writer.WriteLine("Examples:");
            foreach (string example in commands.SelectMany(c => c.Examples))
            {
                writer.WriteLine($"  {example}");
            }

            return status;
        }
    }
}
