using System.CommandLine;

namespace Runtime.Commands;

/// <summary><c>runtime pause|resume|stop NAME</c>: orders to a running host.</summary>
internal sealed class GuestOrderCommand(string order, string description, bool canMeanAll = false)
{
    private readonly Option<string> _socket = ControlOption.Create();
    private readonly Argument<string?> _guest = new("NAME")
    {
        Description = canMeanAll ? "which guest; without a name the host and all its guests" : "which guest",
        Arity = canMeanAll ? ArgumentArity.ZeroOrOne : ArgumentArity.ExactlyOne,
    };

    public Command Build()
    {
        var command = new Command(order, description);
        command.Arguments.Add(_guest);
        command.Options.Add(_socket);
        HelpExamples.AddTo(command, canMeanAll ? [$"runtime {order} hog", $"runtime {order}"] : [$"runtime {order} hog"]);
        command.SetAction(result =>
        {
            ControlOption.Ask(result.GetRequiredValue(_socket), result.GetValue(_guest) is string name ? $"{order} {name}" : order);
            return 0;
        });
        return command;
    }
}
