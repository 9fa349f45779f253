// runtime run: one kernel on one engine, from its file to its exit status.
using System.CommandLine;
using System.Diagnostics;
using Rewriter.Images;
using Runtime.Abi;
using Runtime.Devices;
using Runtime.Engines;
using Runtime.Loading;
using Runtime.Network;
using Runtime.Paravirt;
using Runtime.Reporting;
using Runtime.Time;

namespace Runtime.Commands;

/// <summary>The options and the action of <c>runtime run</c>.</summary>
internal sealed class RunCommand
{
    private static readonly string[] Examples =
    [
        "runtime run guest-kernels/bin/ukernel.elf",
        "runtime run kernel.elf --mode full --memory 64M --append \"console=ttyS0\"",
        "runtime run kernel.elf --initrd initrd.img --disk disk.img --serial serial.log",
        "runtime run vmlinuz --initrd initrd.gz --append console=ttyS0 --net user --forward tcp:127.0.0.1:2222-:22",
        "runtime run kernel.elf --engine interpreter --time-limit 60s --stats stats.json",
    ];

    private readonly MachineOptionSet _machine = new();
    private readonly NetworkOptionSet _network = new();
    private readonly Option<string> _mode = Choice("--mode", ExecutionMode.Para, "virtualization technique");
    private readonly Option<string> _engine = Choice("--engine", EngineKind.Auto, "what executes guest code");
    private readonly Option<string> _platform = Choice("--platform", PlatformKind.Auto, "what the guest finds; auto: xen in para mode, else pc");
    private readonly Option<string> _apic = new("--apic")
    {
        Description = "local and I/O APIC; auto: off for Linux, which does as well with the 8259As, on for other kernels",
        HelpName = "auto|on|off",
        DefaultValueFactory = _ => "auto",
    };

    private readonly Option<string> _serial = new("--serial")
    {
        Description = "serial port: stdio, null or a file",
        HelpName = "stdio|null|FILE",
        DefaultValueFactory = _ => "stdio",
    };

    private readonly Option<string?> _stats = new("--stats")
    {
        Description = "write times, exits and hottest sites as JSON",
        HelpName = "FILE",
    };

    private readonly Option<string?> _trace = new("--trace")
    {
        Description = "print every exit and unknown device access to standard error",
        HelpName = "exits",
    };

    public Command Build()
    {
        var command = new Command("run", "Run a kernel as a guest.");
        _machine.AddTo(command);
        _network.AddTo(command);
        command.Options.Add(_mode);
        command.Options.Add(_engine);
        command.Options.Add(_platform);
        command.Options.Add(_apic);
        _apic.AcceptOnlyFromAmong("auto", "on", "off");
        command.Options.Add(_serial);
        command.Options.Add(_stats);
        command.Options.Add(_trace);
        _trace.AcceptOnlyFromAmong("exits");
        HelpExamples.AddTo(command, Examples);
        command.SetAction(Run);
        return command;
    }

    private int Run(ParseResult result)
    {
        MachineOptions options = _machine.Read(result);
        ulong memoryBytes = options.MemoryBytes;
        TimeSpan? limit = options.Limit;
        TextWriter? trace = result.GetValue(_trace) is null ? null : Console.Error;

        GuestImage file = GuestImage.Open(options.Image);
        KernelImage image = file.Kernel;
        ExecutionMode mode = ModeFor(file, result);
        BootPlan plan = BootPlan.For(image);
        string commandLine = plan.TellsKernelItsName ? options.CommandLine : options.Append;
        var parameters = new BootParameters(commandLine, options.ReadModules());
        var disks = options.OpenDisks();
        var counters = new ExitCounters();
        PlatformKind platform = PlatformFor(mode, result);
        var request = new EngineRequest(Chosen<EngineKind>(result, _engine), mode, image, file.Plan, memoryBytes, counters)
        {
            Apic = result.GetRequiredValue(_apic) switch
            {
                "on" => ApicFitting.On,
                "off" => ApicFitting.Off,
                _ => null,
            },
        };
        using EngineHost host = EngineFactory.Create(platform == PlatformKind.Xen ? request.UnderXen() : request);
        if (host.Note is not null)
        {
            Console.Error.WriteLine("runtime: " + host.Note);
        }

        BootLoader.Load(image, parameters, host.Memory, host.Engine.State);
        var clock = new HostClock();
        var symbols = new SymbolTable(image.Symbols);
        using SerialPort serial = SerialPort.Open(result.GetRequiredValue(_serial), clock);
        using HostNetwork? network = _network.Read(result).Open(clock);
        var console = new ExitMarks(serial.Endpoint, counters);
        var parts = new PlatformParts(host.Memory, disks, console, new DeviceTrace(trace)) { Network = network is null ? null : new NetworkPlug(network) };
        parts = platform == PlatformKind.Xen ? parts.UnderXen() : parts;
        using var machine = new VirtualMachine(host, parts, clock, counters, symbols, limit, trace is null ? null : new ExitTrace(trace));
        using ShimLibrary? shims = ShimLoading.Start(file, options.Image, host, machine, line => Console.Error.WriteLine("runtime: " + line));
        network?.Start();
        Outcome outcome = RunInTerminal(machine, serial, out TimeSpan wall);
        foreach (DiskImage disk in disks)
        {
            disk.Dispose();
        }

        if (outcome.Line is not null)
        {
            Console.Error.WriteLine("runtime: " + outcome.Line);
        }

        if (result.GetValue(_stats) is string path)
        {
            RunStatistics.Collect(options.Image, mode, host.Name, outcome, wall, machine.GuestNanoseconds, counters, symbols, console.Exits).Save(path);
        }

        return outcome.ExitStatus;
    }

    /// <summary>A rewritten image runs in the mode that it was rewritten for.</summary>
    private ExecutionMode ModeFor(GuestImage file, ParseResult result)
    {
        ExecutionMode asked = Chosen<ExecutionMode>(result, _mode);
        bool isAsked = result.GetResult(_mode) is { Implicit: false };
        ExecutionMode mode = file.Plan?.Mode ?? asked;
        return mode == asked || !isAsked ? mode : throw new UsageException($"--mode {Name(asked)}: the image was rewritten for {Name(mode)}; use the original for another mode");
    }

    /// <summary>Paravirtualization includes the interface that the kernel may have drivers for; the other techniques are given a plain PC.</summary>
    private PlatformKind PlatformFor(ExecutionMode mode, ParseResult result)
    {
        PlatformKind asked = Chosen<PlatformKind>(result, _platform);
        return asked == PlatformKind.Xen && mode == ExecutionMode.Trap
            ? throw new UsageException("--platform xen: hypercalls do not trap by themselves, so mode trap cannot offer them")
            : asked != PlatformKind.Auto ? asked : mode == ExecutionMode.Para ? PlatformKind.Xen : PlatformKind.Pc;
    }

    private static string Name(ExecutionMode mode) => mode.ToString().ToLowerInvariant();

    private static Outcome RunInTerminal(VirtualMachine machine, SerialPort serial, out TimeSpan wall)
    {
        using var signals = new EndOnSignal(machine);
        using var terminal = serial.UsesTerminal ? new RawTerminal() : null;
        EscapeKeys? keys = null;
        if (terminal is not null)
        {
            keys = new EscapeKeys(() => machine.End(Outcome.EndedByUser), SayKeys);
            SayKeys();
        }

        serial.StartInput(machine.Wake, keys);
        long started = Stopwatch.GetTimestamp();
        Outcome outcome = machine.Run();
        wall = Stopwatch.GetElapsedTime(started);
        serial.Flush();
        return outcome;
    }

    private static void SayKeys() => Console.Error.WriteLine("runtime: " + EscapeKeys.Help("ends the machine"));

    /// <summary>An option whose values are the lower-case names of an enumeration.</summary>
    private static Option<string> Choice<T>(string name, T byDefault, string description)
        where T : struct, Enum
    {
        string[] names = [.. Enum.GetNames<T>().Select(value => value.ToLowerInvariant())];
        var option = new Option<string>(name)
        {
            Description = description,
            HelpName = string.Join('|', names),
            DefaultValueFactory = _ => byDefault.ToString().ToLowerInvariant(),
        };
        option.AcceptOnlyFromAmong(names);
        return option;
    }

    private static T Chosen<T>(ParseResult result, Option<string> option)
        where T : struct, Enum
        => Enum.Parse<T>(result.GetRequiredValue(option), ignoreCase: true);
}
