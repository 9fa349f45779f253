using Iced.Intel;
using Runtime;
using Runtime.Abi;
using Runtime.Devices;
using Runtime.Engines;
using Runtime.Engines.Direct;
using Runtime.Engines.Direct.Host;
using Runtime.Engines.Interpreter;
using Runtime.Lockstep;
using Runtime.Memory;
using Tests.Engines.Conformance;
using Tests.Engines.Direct;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace Tests.Lockstep;

/// <summary>The same guest on two engines: a defect is found at its instruction, and where there is none nothing is found.</summary>
[Collection(HostProcessorCollection.Name)]
public sealed class LockstepTests
{
    private static readonly LockstepLimits s_limits = new(long.MaxValue, 1_000_000);

    /// <summary>Flags, segments and control registers, which the direct engine has shims for, strings, a stack, the undefined flags of a
    /// multiplication stored; then a port. A wrong result stays in memory.</summary>
    private static GuestProgram Program(uint rounds, out Label culprit)
    {
        var p = new GuestProgram { Paging = true };
        Assembler a = p.Main;
        Label again = a.CreateLabel();
        culprit = a.CreateLabel();
        a.mov(ecx, rounds);
        a.Label(ref again);
        a.cli();
        a.pushfd();
        a.pop(eax);
        a.mov(__dword_ptr[GuestProgram.Data], eax);
        a.imul(ebx, ecx, 0x1234567);
        a.pushfd();
        a.pop(__dword_ptr[GuestProgram.Data + 4]);
        a.Label(ref culprit);
        a.add(ebx, ecx);
        a.add(__dword_ptr[GuestProgram.Data + 8], ebx);
        a.push(ds);
        a.pop(es);
        a.mov(eax, cr0);
        a.push(ecx);
        a.mov(ecx, 300);
        a.mov(edi, GuestProgram.Data + 0x1000);
        a.rep.stosd();
        a.rdtsc();
        a.add(__dword_ptr[GuestProgram.Data + 12], eax);
        a.pop(ecx);
        a.sti();
        a.dec(ecx);
        a.jnz(again);
        p.End();
        return p;
    }

    [Fact]
    public void ABrokenInstructionIsFoundAtItsPlace()
    {
        const uint when = 25;
        GuestProgram program = Program(100, out Label culprit);
        var (memory, clock) = (new GuestMemory(GuestProgram.MemoryBytes), new LockstepClock());
        program.Load(memory, new VcpuState());
        uint address = Convert.ToUInt32(program.At(culprit), 16);
        using LockstepSide subject = Start(new EngineHost(new BrokenEngine(memory, clock, address, when), memory, "broken", null), clock, program);
        using LockstepSide reference = Reference(program);
        var run = new LockstepRun(reference, subject, s_limits);
        Divergence found = Assert.IsType<Divergence>(run.Run());
        Assert.Equal(address, found.Culprit);
        Assert.Equal(["ebx"], found.Fields.Select(field => field.Field));
        Assert.Equal(when, reference.State.Gpr[VcpuState.Ecx]);
        var report = new StringWriter();
        LockstepReport.Write(report, run, found, new SymbolTable([]), 5);
        Assert.Contains("add ebx,ecx", report.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Full")]
    [InlineData("Para")]
    public void AHealthyEngineIsNotAccused(string mode)
    {
        const uint rounds = 3000;
        GuestProgram program = Program(rounds, out _);
        using LockstepSide subject = Subject(mode, program);
        using LockstepSide reference = Reference(program);
        var run = new LockstepRun(reference, subject, s_limits);
        Divergence? found = run.Run();
        Assert.True(found is null, $"{found} {string.Join(' ', found?.Fields ?? [])}");
        Assert.True(run.Instructions > rounds * 20);
        Assert.True(run.Agreements > rounds);
    }

    /// <summary>A store that no guest made: only a comparison of all RAM can see it.</summary>
    [Fact]
    public void AStrayStoreIsFoundAtTheEnd()
    {
        GuestProgram program = Program(10, out _);
        using LockstepSide subject = Subject("Para", program);
        using LockstepSide reference = Reference(program);
        var run = new LockstepRun(reference, subject, s_limits);
        subject.Memory.Write8(0x50_0123, 0x40);
        Divergence found = Assert.IsType<Divergence>(run.Run());
        Assert.Equal(0x50_0123ul, found.Memory!.Value.Physical);
    }

    /// <summary>The direct engine moved by the trap flag does one instruction at a time, and the guest sees nothing of the flag.</summary>
    [Theory]
    [InlineData("Full")]
    [InlineData("Para")]
    public void SingleStepsAreInstructions(string mode)
    {
        GuestProgram program = Program(40, out _);
        using LockstepSide subject = Subject(mode, program);
        using LockstepSide reference = Reference(program);
        var run = new LockstepRun(reference, subject, s_limits);
        var search = new CulpritSearch(run, reference, subject);
        run.AgreedState.Keep();
        run.Ram.AgreeOnAll();
        var nothing = new Divergence("nothing", [], null, 0, "", "");
        Divergence end = search.Refine(nothing, 3000);
        Assert.True(end.Culprit is null, $"{end.Culprit:x} {end} {string.Join(' ', end.Fields)}");
        Assert.True(run.Trail.Count > 500, run.Trail.Count.ToString());
    }

    private static LockstepSide Reference(GuestProgram program)
    {
        var (memory, clock) = (new GuestMemory(GuestProgram.MemoryBytes), new LockstepClock());
        return Start(new EngineHost(new InterpreterEngine(new VcpuState(), memory, null, clock), memory, "interpreter", null), clock, program);
    }

    private static LockstepSide Subject(string mode, GuestProgram program)
    {
        var clock = new LockstepClock();
        try
        {
            var engine = new DirectEngine(Enum.Parse<ExecutionMode>(mode), GuestProgram.MemoryBytes, CpuModel.Default, new ExitCounters(), timeStamp: clock);
            return Start(new EngineHost(engine, engine.Memory, "direct", null) { Processor = engine.Processor }, clock, program);
        }
        catch (Exception refused) when (refused is HostCallException or PlatformNotSupportedException or DllNotFoundException)
        {
            Assert.Skip("the direct engine cannot run here: " + refused.Message);
            throw;
        }
    }

    private static LockstepSide Start(EngineHost host, LockstepClock clock, GuestProgram program)
    {
        program.Load(host.Memory, host.Engine.State);
        return new LockstepSide(host, clock, new NullSerialEndpoint(), new SymbolTable([]));
    }
}
