using Rewriter.Images;
using Runtime;
using Runtime.Devices;
using Runtime.Engines;
using Runtime.Memory;
using Runtime.Time;
using Xunit;

namespace Tests.Machine;

public sealed class RunLoopTests
{
    private static readonly VmExit DebugExit = VmExit.PortWrite(MachineLayout.DebugExit, 1, 0x10);
    private static readonly VmExit UnmaskKeyboard = VmExit.PortWrite(MachineLayout.MasterPic + 1, 1, 0xFD);

    /// <summary>Asks the keyboard to identify itself, which raises IRQ 1.</summary>
    private static readonly VmExit RaiseKeyboard = VmExit.PortWrite(MachineLayout.KeyboardData, 1, 0xF2);

    [Fact]
    public void PortAccessesReachTheBus()
    {
        var engine = new ScriptedEngine(VmExit.PortWrite(MachineLayout.DmaPages, 1, 0x42), VmExit.PortRead(MachineLayout.DmaPages, 1), VmExit.PortRead(0x2F8, 2), DebugExit);
        Assert.Equal(0x21, Run(engine).ExitStatus);
        Assert.Equal([0x42u, 0xFFFFu], engine.ReadValues);
    }

    [Fact]
    public void InterruptIsDeliveredWhenTheGuestCanTakeIt()
    {
        var engine = new ScriptedEngine(UnmaskKeyboard, RaiseKeyboard, VmExit.None, DebugExit);
        engine.State.InterruptsEnabled = true;
        Run(engine);
        Assert.Contains((byte)(MachineLayout.BiosMasterVectors + MachineLayout.KeyboardIrq), engine.Interrupts);
    }

    [Fact]
    public void PendingInterruptAsksForAWindowUntilItOpens()
    {
        ScriptedEngine? running = null;
        var engine = new ScriptedEngine(UnmaskKeyboard, RaiseKeyboard, new VmExit(VmExitReason.InterruptWindow), DebugExit)
        {
            BeforeExit = number => running!.State.InterruptsEnabled = number == 2,
        };
        running = engine;
        Run(engine);
        Assert.Equal([false, false, true, false], engine.WindowRequests);
        Assert.Equal([(byte)(MachineLayout.BiosMasterVectors + MachineLayout.KeyboardIrq)], engine.Interrupts);
    }

    [Fact]
    public void ShadowHoldsInterruptsOff()
    {
        var engine = new ScriptedEngine(UnmaskKeyboard, RaiseKeyboard, VmExit.None, DebugExit);
        engine.State.InterruptsEnabled = true;
        engine.State.InterruptShadow = true;
        Run(engine);
        Assert.Empty(engine.Interrupts);
        Assert.Equal([false, false, true, true], engine.WindowRequests);
    }

    [Fact]
    public void HaltWithInterruptsOffEndsTheMachine() => Assert.Equal(0, Run(new ScriptedEngine(new VmExit(VmExitReason.Halt))).ExitStatus);

    [Fact]
    public void HaltSleepsUntilTheTimer()
    {
        var engine = new ScriptedEngine(new VmExit(VmExitReason.Halt), DebugExit);
        engine.State.InterruptsEnabled = true;
        Assert.Equal(0x21, Run(engine).ExitStatus);
        Assert.Contains(MachineLayout.BiosMasterVectors, engine.Interrupts);
    }

    [Fact]
    public void TripleFaultNamesPlaceAndSymbol()
    {
        Outcome outcome = Run(new ScriptedEngine(new VmExit(VmExitReason.Shutdown)));
        Assert.Equal(4, outcome.ExitStatus);
        Assert.Equal("guest died: triple fault at eip 0x00001234 (start+0x34)", outcome.Line);
    }

    [Fact]
    public void ImpossibleRequestSaysWhat()
    {
        Outcome outcome = Run(new ScriptedEngine(VmExit.Impossible("no such thing")));
        Assert.Equal(4, outcome.ExitStatus);
        Assert.StartsWith("guest died: no such thing at eip", outcome.Line, StringComparison.Ordinal);
    }

    [Fact]
    public void FirstReasonWins()
    {
        var engine = new ScriptedEngine(DebugExit);
        using var memory = new GuestMemory(4096);
        using var machine = Machine(engine, memory, null);
        machine.Kill("first");
        machine.Kill("second");
        Assert.Equal("guest died: first", machine.Run().Line);
        Assert.Empty(engine.WindowRequests);
    }

    [Fact]
    public void TimeLimitEndsAnIdleMachine()
    {
        var engine = new ScriptedEngine(VmExit.PortWrite(MachineLayout.MasterPic + 1, 1, 0xFF), new VmExit(VmExitReason.Halt));
        engine.State.InterruptsEnabled = true;
        using var memory = new GuestMemory(4096);
        using var machine = Machine(engine, memory, TimeSpan.FromMilliseconds(30));
        Assert.Equal(124, machine.Run().ExitStatus);
    }

    private static Outcome Run(ScriptedEngine engine)
    {
        using var memory = new GuestMemory(4096);
        using var machine = Machine(engine, memory, TimeSpan.FromSeconds(30));
        return machine.Run();
    }

    private static VirtualMachine Machine(ScriptedEngine engine, GuestMemory memory, TimeSpan? limit)
    {
        var parts = new PlatformParts(memory, [], new NullSerialEndpoint(), DeviceTrace.None);
        var symbols = new SymbolTable([new ImageSymbol("start", 0x1200, 0x100, true)]);
        return new VirtualMachine(new EngineHost(engine, memory, "scripted", null), parts, new HostClock(), new ExitCounters(), symbols, limit, null);
    }
}
