using System.CommandLine;
using Runtime.Abi;

namespace Rewriter.Commands;

/// <summary>--mode full|para, for commands that patch: trap asks for no patches.</summary>
static class ModeOption
{
    static readonly ExecutionMode[] _modes = [ExecutionMode.Full, ExecutionMode.Para];

    /// <param name="required">Else para is taken.</param>
    public static Option<ExecutionMode> Create(bool required)
    {
        var mode = new Option<ExecutionMode>("--mode")
        {
            Description = "full or para",
            Required = required,
            HelpName = Choice.HelpName(_modes),
            CustomParser = result => Choice.Parse(result, "--mode", _modes) ?? default,
        };
        if (!required)
        {
            mode.DefaultValueFactory = _ => ExecutionMode.Para;
        }

        return mode;
    }
}
