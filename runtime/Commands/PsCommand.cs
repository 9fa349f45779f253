using System.CommandLine;
using Runtime.Reporting;

namespace Runtime.Commands;

/// <summary><c>runtime ps</c>: one line for each guest of a running host, since its start.</summary>
internal sealed class PsCommand
{
    private readonly Option<string> _socket = ControlOption.Create();

    public Command Build()
    {
        var command = new Command("ps", "List the guests of a running host.");
        command.Options.Add(_socket);
        HelpExamples.AddTo(command, ["runtime ps"]);
        command.SetAction(result =>
        {
            string report = ControlOption.Ask(result.GetRequiredValue(_socket), "report");
            Console.Out.Write(StatusLine.Table(StatusLine.Between(null, AccountJson.Read(report)), HostDisplay.Width));
            return 0;
        });
        return command;
    }
}
