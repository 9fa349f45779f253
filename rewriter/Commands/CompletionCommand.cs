// Shell completion: a script that asks the program itself, by System.CommandLine's [suggest] directive, so that it never lags behind.
using System.CommandLine;

namespace Rewriter.Commands;

/// <summary>Shells that a completion script can be had for.</summary>
public enum CompletionShell
{
    Bash,
    Zsh,
    Fish,
}

/// <summary>PROGRAM completion bash|zsh|fish</summary>
public static class CompletionCommand
{
    /// <param name="program">The name that the program is called by.</param>
    public static Command Create(string program)
    {
        CompletionShell[] shells = Enum.GetValues<CompletionShell>();
        var shell = new Argument<CompletionShell>("SHELL")
        {
            Description = "bash, zsh or fish",
            HelpName = Choice.HelpName(shells),
            CustomParser = result => Choice.Parse(result, "SHELL", shells) ?? default,
        };
        var command = new ExampleCommand(
            "completion",
            "Print a script that makes a shell complete this program's commands, options and values.",
            $"source <({program} completion bash)",
            $"{program} completion zsh > ~/.zfunc/_{program}",
            $"{program} completion fish > ~/.config/fish/completions/{program}.fish")
        {
            shell,
        };
        command.SetAction(parsed =>
        {
            parsed.InvocationConfiguration.Output.Write(ScriptFor(parsed.GetRequiredValue(shell), program));
            return ExitStatus.Good;
        });
        return command;
    }

    static string ScriptFor(CompletionShell shell, string program) => shell switch
    {
        CompletionShell.Bash => $$"""
            _{{program}}() {
                local IFS=$'\n'
                COMPREPLY=($(compgen -W "$({{program}} "[suggest:$COMP_POINT]" "$COMP_LINE" 2>/dev/null)" -- "${COMP_WORDS[COMP_CWORD]}"))
            }
            complete -o default -F _{{program}} {{program}}

            """,
        CompletionShell.Zsh => $$"""
            #compdef {{program}}
            _{{program}}() {
                local -a found
                found=("${(@f)$({{program}} "[suggest:$CURSOR]" "$BUFFER" 2>/dev/null)}")
                compadd -a found
                _files
            }
            compdef _{{program}} {{program}}

            """,
        _ => $$"""
            complete -c {{program}} -a '(set -l line (commandline -cp); {{program}} "[suggest:"(string length -- "$line")"]" "$line" 2>/dev/null)'

            """,
    };
}
