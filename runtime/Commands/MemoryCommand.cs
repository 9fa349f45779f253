using System.CommandLine;
using System.Globalization;

namespace Runtime.Commands;

/// <summary><c>runtime memory NAME SIZE</c>: how much a guest of a running host may hold; its balloon driver follows.</summary>
internal sealed class MemoryCommand
{
    private readonly Option<string> _socket = ControlOption.Create();
    private readonly Argument<string> _guest = new("NAME") { Description = "which guest" };
    private readonly Argument<string> _size = new("SIZE") { Description = "what it may hold from now on, up to its maximum, e.g. 200M" };

    public Command Build()
    {
        var command = new Command("memory", "Give a guest more or less of the host's memory by its balloon.");
        command.Arguments.Add(_guest);
        command.Arguments.Add(_size);
        command.Options.Add(_socket);
        HelpExamples.AddTo(command, ["runtime memory debian 200M"]);
        command.SetAction(result =>
        {
            ulong bytes = Quantity.ParseMemory(result.GetRequiredValue(_size), "memory");
            string request = string.Create(CultureInfo.InvariantCulture, $"memory {result.GetRequiredValue(_guest)} {bytes}");
            ControlOption.Ask(result.GetRequiredValue(_socket), request);
            return 0;
        });
        return command;
    }
}
