using System.CommandLine;
using Runtime.Abi;

namespace Rewriter.Commands;

/// <summary>--mode full|para, for commands that patch: trap asks for no patches.</summary>
static class ModeOption
{
    /// <param name="required">Else para is taken.</param>
    public static Option<ExecutionMode> Create(bool required)
    {
        var mode = new Option<ExecutionMode>("--mode") { Description = "full or para", Required = required, HelpName = "full|para" };
        if (!required)
        {
            mode.DefaultValueFactory = _ => ExecutionMode.Para;
        }

        mode.Validators.Add(result =>
        {
            if (result.Tokens.Count == 1 && result.Tokens[0].Value.ToLowerInvariant() is not ("full" or "para"))
            {
                result.AddError($"--mode is full or para, not '{result.Tokens[0].Value}'");
            }
        });
        return mode;
    }
}
