using System.CommandLine;
using Runtime.Reporting;

namespace Runtime.Commands;

/// <summary><c>runtime stats</c>: the accounts of a running host, for people and for programs.</summary>
internal sealed class StatsCommand
{
    private readonly Option<string> _socket = ControlOption.Create();
    private readonly Option<string> _format = new("--format") { Description = "how to write them", HelpName = "text|json|prometheus", DefaultValueFactory = _ => "text" };
    private readonly Argument<string?> _guest = new("NAME") { Description = "one guest only (text)", Arity = ArgumentArity.ZeroOrOne };

    public Command Build()
    {
        _format.AcceptOnlyFromAmong("text", "json", "prometheus");
        var command = new Command("stats", "Show the accounts of a running host's guests.");
        command.Arguments.Add(_guest);
        command.Options.Add(_format);
        command.Options.Add(_socket);
        HelpExamples.AddTo(command, ["runtime stats", "runtime stats hog", "runtime stats --format json > before.json"]);
        command.SetAction(Run);
        return command;
    }

    private int Run(ParseResult result)
    {
        string socket = result.GetRequiredValue(_socket), format = result.GetRequiredValue(_format);
        string text = ControlOption.Ask(socket, format == "prometheus" ? "metrics" : "report");
        Console.Out.Write(format == "text" ? AccountText.Write(AccountJson.Read(text), result.GetValue(_guest)) : text);
        return 0;
    }
}
