using System.CommandLine;

namespace Runtime.Commands;

/// <summary><c>runtime xenstore ls NAME</c>: what a guest of a running host and its back ends have written for each other.</summary>
internal sealed class XenStoreCommand
{
    private readonly Option<string> _socket = ControlOption.Create();
    private readonly Argument<string> _guest = new("NAME") { Description = "which guest" };

    public Command Build()
    {
        var list = new Command("ls", "List all nodes of a guest's XenStore: path, value and permissions.");
        list.Arguments.Add(_guest);
        list.Options.Add(_socket);
        HelpExamples.AddTo(list, ["runtime xenstore ls web"]);
        list.SetAction(result =>
        {
            Console.Out.Write(ControlOption.Ask(result.GetRequiredValue(_socket), "xenstore " + result.GetRequiredValue(_guest)));
            return 0;
        });
        var command = new Command("xenstore", "Look into the XenStore of a guest.");
        command.Subcommands.Add(list);
        return command;
    }
}
