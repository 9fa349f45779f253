// Writes docs/reference: a page for each command, from the same descriptions that --help prints.
using System.CommandLine;
using System.CommandLine.Help;
using System.Text;

namespace Rewriter.Commands;

/// <summary>Something that comes with example command lines.</summary>
public interface IHasExamples
{
    IReadOnlyList<string> Examples { get; }
}

/// <summary>PROGRAM reference DIR; not shown in help, since only the project itself needs it.</summary>
public static class ReferenceCommand
{
    /// <param name="root">All other commands have been added.</param>
    public static Command Create(string program, RootCommand root)
    {
        var folder = new Argument<DirectoryInfo>("DIR") { Description = "Where the pages go" };
        var command = new Command("reference", "Write the reference manual.") { folder };
        command.Hidden = true;
        command.SetAction(parsed =>
        {
            DirectoryInfo target = parsed.GetRequiredValue(folder);
            foreach (Command page in root.Subcommands.Where(c => !c.Hidden).SelectMany(c => WithChildren(c)))
            {
                string name = NameOf(program, page, root);
                File.WriteAllText(Path.Combine(target.FullName, name.Replace(' ', '-') + ".md"), PageOf(name, page));
            }

            return ExitStatus.Good;
        });
        return command;
    }

    static IEnumerable<Command> WithChildren(Command command) => [command, .. command.Subcommands.Where(c => !c.Hidden).SelectMany(WithChildren)];

    static string NameOf(string program, Command command, RootCommand root) =>
        command.Parents.OfType<Command>().First() is Command parent && parent != root ? $"{NameOf(program, parent, root)} {command.Name}"
            : $"{program} {command.Name}";

    static string PageOf(string name, Command command)
    {
        List<Option> options = [.. command.Options.Where(o => !o.Hidden && o is not HelpOption)];
        var page = new StringBuilder($"# {name}\n\n{command.Description}\n\n    {name}");
        foreach (Argument argument in command.Arguments.Where(a => !a.Hidden))
        {
            page.Append($" {argument.Name}{(argument.Arity.MaximumNumberOfValues > 1 ? "..." : "")}");
        }

        page.Append(options.Count != 0 ? " [options]\n" : "\n");
        Table(page, "argument", command.Arguments.Where(a => !a.Hidden).Select(a => (a.Name, Text(a.Description))));
        Table(page, "option", options.Select(o => (Spelling(o), Text(o.Description) + (o.Required ? " (required)" : DefaultOf(o)))));
        Table(page, "command", command.Subcommands.Where(c => !c.Hidden).Select(c => (c.Name, Text(c.Description))));
        IReadOnlyList<string> examples = (command as IHasExamples ?? command.Options.OfType<HelpOption>().FirstOrDefault()?.Action as IHasExamples)?.Examples ?? [];
        if (examples.Count != 0)
        {
            page.Append("\n## Examples\n\n");
            page.AppendJoin("", examples.Select(e => $"    {e}\n"));
        }

        return page.ToString();
    }

    static void Table(StringBuilder page, string heading, IEnumerable<(string Name, string What)> rows)
    {
        List<(string Name, string What)> all = [.. rows];
        if (all.Count != 0)
        {
            page.Append($"\n| {heading} | |\n| --- | --- |\n");
            page.AppendJoin("", all.Select(r => $"| `{r.Name.Replace("|", "\\|")}` | {r.What} |\n"));
        }
    }

    static string Spelling(Option option)
    {
        string names = string.Join(", ", option.Aliases.Append(option.Name).Distinct().OrderBy(n => n.Length).ThenBy(n => n, StringComparer.Ordinal));
        bool takesValue = option.Arity.MaximumNumberOfValues > 0 && option.ValueType != typeof(bool);
        return takesValue ? $"{names} {option.HelpName ?? "VALUE"}" : names;
    }

    /// <summary>Only what is the same on every machine.</summary>
    static string DefaultOf(Option option) => !option.HasDefaultValue ? "" : option.GetDefaultValue() switch
    {
        Enum value => $" (default: {value.ToString().ToLowerInvariant()})",
        uint value => $" (default: 0x{value:x})",
        string value => $" (default: {Text(value)})",
        _ => "",
    };

    static string Text(string? description) => (description ?? "").Replace("|", "\\|").Replace('\n', ' ');
}
