// runtime compare: one kernel under every technique, side by side.
using System.CommandLine;
using System.Text.Json;
using Runtime.Loading;
using Runtime.Reporting;
using Spectre.Console;

namespace Runtime.Commands;

/// <summary>The options and the action of <c>runtime compare</c>.</summary>
internal sealed class CompareCommand
{
    private static readonly string[] Examples =
    [
        "runtime compare guest-kernels/bin/nanobench.elf",
        "runtime compare guest-kernels/bin/ukernel.elf --with-qemu --format html -o ukernel.html",
        "runtime compare kernel.elf --append bench --memory 64M --format json -o figures.json",
    ];

    private static readonly TimeSpan DefaultLimit = TimeSpan.FromSeconds(120);

    private readonly MachineOptionSet _machine = new();
    private readonly Option<string> _format = new("--format")
    {
        Description = "text, json or html",
        HelpName = "text|json|html",
        DefaultValueFactory = _ => "text",
    };

    private readonly Option<string?> _output = new("-o", "--output")
    {
        Description = "write there instead of to standard output",
        HelpName = "FILE",
    };

    private readonly Option<bool> _withQemu = new("--with-qemu")
    {
        Description = "also run it in QEMU's emulator, where that is installed",
    };

    public Command Build()
    {
        var command = new Command("compare", "Run a kernel in trap, full and para mode, on both engines, and print one table.");
        _machine.AddTo(command);
        command.Options.Add(_format);
        command.Options.Add(_output);
        command.Options.Add(_withQemu);
        _format.AcceptOnlyFromAmong("text", "json", "html");
        HelpExamples.AddTo(command, Examples);
        command.SetAction(Run);
        return command;
    }

    private int Run(ParseResult result)
    {
        MachineOptions machine = _machine.Read(result);
        TimeSpan limit = machine.Limit ?? DefaultLimit;
        _ = machine.MemoryBytes;
        GuestImage file = GuestImage.Open(machine.Image);
        BootPlan.For(file.Kernel);
        machine.ReadModules();
        foreach (var disk in machine.OpenDisks())
        {
            disk.Dispose();
        }

        List<Contestant> contestants =
        [
            new RuntimeContestant("trap", "direct"), new RuntimeContestant("full", "direct"),
            new RuntimeContestant("para", "direct"), new RuntimeContestant("para", "interpreter"),
        ];
        if (result.GetValue(_withQemu))
        {
            contestants.Add(new QemuContestant());
        }

        var report = new ComparisonReport(machine.Image, RunAll(contestants, file, machine, limit));
        Write(report, result.GetRequiredValue(_format), result.GetValue(_output));
        return 0;
    }

    private static List<ComparisonColumn> RunAll(List<Contestant> contestants, GuestImage file, MachineOptions machine, TimeSpan limit)
    {
        var columns = new List<ComparisonColumn>();
        IAnsiConsole progress = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
        if (Console.IsErrorRedirected)
        {
            contestants.ForEach(RunOne);
        }
        else
        {
            progress.Status().Start("", status => contestants.ForEach(contestant =>
            {
                status.Status(Markup.Escape(contestant.Name));
                RunOne(contestant);
            }));
        }

        return columns;

        void RunOne(Contestant contestant)
        {
            DirectoryInfo directory = Directory.CreateTempSubdirectory("compare-");
            try
            {
                string image = PathFor(contestant, file, machine.Image, directory.FullName);
                columns.Add(contestant.Run(machine with { Image = image }, limit, directory.FullName));
            }
            finally
            {
                directory.Delete(recursive: true);
            }
        }
    }

    /// <summary>A rewritten image runs as it is in its own mode; everywhere else the original does.</summary>
    private static string PathFor(Contestant contestant, GuestImage file, string given, string directory)
    {
        if (file.Plan is null || string.Equals(contestant.Mode, file.Plan.Mode.ToString(), StringComparison.OrdinalIgnoreCase))
        {
            return given;
        }

        string path = Path.Combine(directory, Path.GetFileName(given));
        File.WriteAllBytes(path, file.Kernel.File.ToArray());
        return path;
    }

    private static void Write(ComparisonReport report, string format, string? path)
    {
        var text = new StringWriter();
        switch (format)
        {
            case "json":
                text.WriteLine(JsonSerializer.Serialize(report, StatisticsJson.Default.ComparisonReport));
                break;
            case "html":
                HtmlReport.Write(report, text);
                break;
            default:
                TextReport.Write(report, text, path is null && !Console.IsOutputRedirected ? Console.WindowWidth : null);
                break;
        }

        if (path is null)
        {
            Console.Out.Write(text);
            return;
        }

        try
        {
            File.WriteAllText(path, text.ToString());
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"-o {path}: {FileTrouble.Reason(exception, path)}");
        }
    }
}
