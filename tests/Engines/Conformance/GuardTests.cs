using Iced.Intel;
using Tests.Engines.Direct;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace Tests.Engines.Conformance;

/// <summary>Branches into the middle of a patched range that has no better place: right at first by a trap, soon without one.</summary>
[Collection(HostProcessorCollection.Name)]
public sealed class GuardTests
{
    private const uint Times = 2000;

    [Theory]
    [MemberData(nameof(GuestRun.Engines), MemberType = typeof(GuestRun))]
    public void AreNotHitForEver(string engine)
    {
        var p = new GuestProgram();
        Assembler a = p.Part(GuestProgram.Elsewhere);
        Label inner = a.CreateLabel(), far = a.CreateLabel(), done = a.CreateLabel();
        // The first byte of a page: nothing before it can move along.
        a.sti();
        a.Label(ref inner);
        a.inc(eax);
        a.dec(ebx);
        a.je(done);
        a.jmp(far);
        a.nop(200);
        a.Label(ref far);
        a.jmp(inner);
        a.Label(ref done);
        p.Report(a);
        a.cli();
        p.End(a);
        p.Main.xor(eax, eax);
        p.Main.mov(ebx, Times);
        p.Main.jmp(GuestProgram.Elsewhere);

        using var run = new GuestRun(engine, p);
        run.ToEnd();
        Assert.Equal([Times.ToString("x"), "end"], run.Log);
        Assert.InRange(run.Counters.Open("GuardHit").Count, engine == "direct para" ? 1 : 0, 100);
    }
}
