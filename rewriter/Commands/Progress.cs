using Spectre.Console;

namespace Rewriter.Commands;

/// <summary>Says on a terminal what is being done; says nothing on a pipe.</summary>
public static class Progress
{
    /// <summary>Runs an action with a spinner on standard error.</summary>
    public static T Run<T>(string what, Func<Action<string>, T> action)
    {
        if (Console.IsErrorRedirected || Console.IsOutputRedirected)
        {
            return action(_ => { });
        }

        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
        return console.Status().Start(what, context => action(step => context.Status(Markup.Escape(step))));
    }
}
