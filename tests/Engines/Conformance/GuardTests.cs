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

    /// <summary>A site that no jump of five bytes fits, as Linux's xen_hypercall_intel, leaves by INT3s before it. They are still there for who reads
    /// or executes them.</summary>
    [Theory]
    [InlineData("interpreter", false)]
    [InlineData("direct full", false)]
    [InlineData("direct para", false)]
    [InlineData("direct para", true)]
    public void CrampedSitesLeaveByFiller(string engine, bool isKicked)
    {
        const uint filler = GuestProgram.Elsewhere + 0x100, fillerLength = 7, site = filler + fillerLength, next = site + 4;
        var p = new GuestProgram();
        p.Place(GuestProgram.Elsewhere, [.. Enumerable.Repeat((byte)0xF4, 0x100)]);
        p.Place(filler, [0xCC, 0xCC, 0xCC, 0xCC, 0xCC, 0xCC, 0xCC, 0x0F, 0x20, 0xC0, 0xC3, 0xB9, 7, 0, 0, 0, 0xC3]); // mov eax, cr0 ; ret ; next: mov ecx, 7 ; ret
        Assembler a = p.Main;
        Label again = a.CreateLabel(), behind = a.CreateLabel();
        a.call(next);
        a.mov(ebx, Times);
        a.xor(esi, esi);
        a.Label(ref again);
        a.xor(eax, eax);
        a.call(site);
        a.and(eax, 1);
        a.add(esi, eax);
        a.call(next);
        a.dec(ebx);
        a.jne(again);
        a.mov(eax, esi);
        p.Report();
        p.Report(filler + 2);
        p.OnTrapGoTo(behind);
        a.mov(eax, filler);
        a.jmp(eax);
        a.Label(ref behind);
        p.End();

        using var run = new GuestRun(engine, p);
        if (isKicked)
        {
            run.UnderKicks();
        }
        else
        {
            run.ToEnd();
        }

        Assert.Equal([Times.ToString("x"), "cccccccc", $"#3 error 0 at {filler + 1:x}", "end"], run.Log);
        Assert.InRange(run.Counters.Open("Trap").Count, 0, engine == "direct para" ? 100 : Times + 100);
    }
}
