using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using Rewriter.Commands;

namespace Runtime.Commands;

/// <summary>Help that ends with examples.</summary>
internal sealed class HelpExamples(HelpAction usual, string[] examples) : SynchronousCommandLineAction, IHasExamples
{
    public IReadOnlyList<string> Examples => examples;

    public override bool ClearsParseErrors => true;

    public static void AddTo(Command command, string[] examples)
    {
        var help = new HelpOption();
        help.Action = new HelpExamples((HelpAction)help.Action!, examples);
        command.Options.Add(help);
    }

    public override int Invoke(ParseResult parseResult)
    {
        int status = usual.Invoke(parseResult);
        TextWriter output = parseResult.InvocationConfiguration.Output;
        output.WriteLine("Examples:");
        foreach (string example in examples)
        {
            output.WriteLine("  " + example);
        }

        return status;
    }
}
