// runtime lockstep: one kernel on interpreter and direct engine at once, to the first difference.
using System.CommandLine;
using Rewriter.Images;
using Runtime.Abi;
using Runtime.Devices;
using Runtime.Engines;
using Runtime.Loading;
using Runtime.Lockstep;
using Runtime.Time;

namespace Runtime.Commands;

/// <summary>The options and the action of <c>runtime lockstep</c>.</summary>
internal sealed class LockstepCommand
{
    private static readonly string[] Examples =
    [
        "runtime lockstep guest-kernels/bin/ukernel.elf",
        "runtime lockstep kernel.elf --mode full --instructions 20000000",
        "runtime lockstep vmlinuz --initrd initrd.gz --append console=ttyS0 --memory 256M --time-limit 5m",
    ];

    private const string Description =
        """
        Run a kernel on the interpreter and on the direct engine at once and stop at the first difference.

        Both are compared at every exit of the direct engine: registers, flags, segments, control and debug registers, and the pages that
        the interpreter has stored in; all of RAM and the floating-point registers now and then and at the end. When they differ,
        both are taken back to the last agreement and moved one instruction at a time, natively by the trap flag, to the one that makes the
        difference. A wrong value that is gone again by the next exit is not seen.

        Guest time goes by the instructions executed, the same on both sides; interrupts come at exits only. RDTSC never runs natively.
        There are no disks, no network, no input; of a rewritten image the original is run.

        Not counted as differences, but made alike and counted: flags that an instruction leaves undefined, and copies of them; the upper half
        of a dword to which a segment register was pushed; accessed and dirty bits of page-table entries, which depend on what is in a
        TLB; the mask of MXCSR, which is the host's. Not compared: where the last x87 instruction was.

        The exit status is 0 when nothing differed, whatever became of the guest, and 1 when something did.
        """;

    private readonly Argument<string> _image = new("IMAGE") { Description = "kernel to run: 32-bit ELF, multiboot or Linux" };
    private readonly Option<string> _memory = new("--memory") { Description = "RAM, e.g. 64M or 1G", HelpName = "SIZE", DefaultValueFactory = _ => "128M" };
    private readonly Option<string> _append = new("--append") { Description = "kernel command line", HelpName = "STR", DefaultValueFactory = _ => "" };
    private readonly Option<string[]> _initrd = new("--initrd") { Description = "module handed to the kernel; repeatable", HelpName = "FILE" };
    private readonly Option<string?> _timeLimit = new("--time-limit") { Description = "stop comparing after this time, e.g. 60s", HelpName = "TIME" };
    private readonly Option<string> _mode = Choice("--mode", "para", "the direct engine's technique", "para", "full");
    private readonly Option<string> _platform = Choice("--platform", "pc", "what the guest finds", "pc", "xen");
    private readonly Option<long?> _instructions = new("--instructions") { Description = "stop comparing after so many instructions", HelpName = "N" };
    private readonly Option<long> _patience = new("--patience")
    {
        Description = "instructions for which the interpreter looks for the direct engine's state",
        HelpName = "N",
        DefaultValueFactory = _ => 50_000_000,
    };

    private readonly Option<int> _window = new("--window") { Description = "instructions shown before a difference", HelpName = "N", DefaultValueFactory = _ => 20 };

    public Command Build()
    {
        var command = new Command("lockstep", Description);
        command.Arguments.Add(_image);
        foreach (Option option in new Option[] { _memory, _append, _initrd, _mode, _platform, _instructions, _patience, _window, _timeLimit })
        {
            command.Options.Add(option);
        }

        HelpExamples.AddTo(command, Examples);
        command.SetAction(Run);
        return command;
    }

    private int Run(ParseResult result)
    {
        var options = new MachineOptions(
            result.GetRequiredValue(_image), result.GetRequiredValue(_memory), result.GetRequiredValue(_append), result.GetValue(_initrd) ?? [], [],
            result.GetValue(_timeLimit));
        GuestImage file = GuestImage.Open(options.Image);
        ExecutionMode mode = Enum.Parse<ExecutionMode>(result.GetRequiredValue(_mode), ignoreCase: true);
        string commandLine = BootPlan.For(file.Kernel).Protocol == BootProtocol.Linux ? options.Append : options.CommandLine;
        var parameters = new BootParameters(commandLine, options.ReadModules());
        var symbols = new SymbolTable(file.Kernel.Symbols);
        bool isXen = result.GetRequiredValue(_platform) == "xen";

        LockstepSide Start(EngineKind kind, ExecutionMode technique, ISerialEndpoint serial)
        {
            var clock = new LockstepClock();
            var request = new EngineRequest(kind, technique, file.Kernel, null, options.MemoryBytes, new ExitCounters()) { TimeStamp = clock };
            EngineHost host = EngineFactory.Create(isXen ? request.UnderXen() : request);
            BootLoader.Load(file.Kernel, parameters, host.Memory, host.Engine.State);
            return new LockstepSide(host, clock, serial, symbols);
        }

        using SerialPort terminal = SerialPort.Open("stdio", new HostClock());
        using LockstepSide subject = Start(EngineKind.Direct, mode, terminal.Endpoint);
        using LockstepSide reference = Start(EngineKind.Interpreter, ExecutionMode.Trap, new NullSerialEndpoint());
        var run = new LockstepRun(reference, subject, new LockstepLimits(result.GetValue(_instructions) ?? long.MaxValue, result.GetValue(_patience)) { Time = options.Limit });
        Divergence? divergence = run.Run();
        terminal.Flush();
        LockstepReport.Write(Console.Error, run, divergence, symbols, result.GetValue(_window));
        if (run.Outcome?.Line is string line)
        {
            Console.Error.WriteLine("runtime: " + line);
        }

        return divergence is null ? 0 : 1;
    }

    private static Option<string> Choice(string name, string byDefault, string description, params string[] values)
    {
        var option = new Option<string>(name) { Description = description, HelpName = string.Join('|', values), DefaultValueFactory = _ => byDefault };
        option.AcceptOnlyFromAmong(values);
        return option;
    }
}
