using Iced.Intel;
using Tests.Engines.Direct;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace Tests.Engines.Conformance;

/// <summary>A page through which a kernel sees one frame after the other, as Linux sees high memory: mapped, used by a string instruction,
/// unmapped.</summary>
[Collection(HostProcessorCollection.Name)]
public sealed class PassingPagesTests
{
    private const uint Slot = 0x7000_0000, Frames = 16;
    private const uint Copies = GuestProgram.Data + (Frames * 0x1000);

    public static TheoryData<string> Engines => GuestRun.Engines;

    [Theory]
    [MemberData(nameof(Engines))]
    public void EachFrameIsTheOneThatIsShown(string engine)
    {
        GuestProgram p = WithSlot();
        Assembler a = p.Main;
        a.cld();
        ForEachFrame(p, () =>
        {
            a.mov(eax, ebp);
            a.mov(edi, Slot);
            a.mov(ecx, 1024);
            a.rep.stosd();
        });
        ForEachFrame(p, () =>
        {
            // Two accesses to one mapping, and one by another instruction than the first.
            a.mov(esi, Slot);
            a.mov(edi, ebp);
            a.add(edi, unchecked((int)(Copies - GuestProgram.Data)));
            a.mov(ecx, 4092);
            a.rep.movsb();
            a.mov(ecx, 1);
            a.rep.movsd();
            a.inc(__dword_ptr[Slot]);
        });
        for (uint frame = 0; frame < Frames; frame++)
        {
            p.Report(GuestProgram.Data + (frame << 12));
            p.Report(GuestProgram.Data + (frame << 12) + 0xFFC);
            p.Report(Copies + (frame << 12));
            p.Report(Copies + (frame << 12) + 0xFFC);
        }

        p.End();
        GuestRun.MustLog(engine, p, () => Enumerable.Range(0, (int)Frames).Select(frame => GuestProgram.Data + ((uint)frame << 12))
            .SelectMany(value => new[] { $"{value + 1:x}", $"{value:x}", $"{value:x}", $"{value:x}" }));
    }

    [Theory]
    [MemberData(nameof(Engines))]
    public void AStringThatLeavesThePageFaultsThere(string engine)
    {
        GuestProgram p = WithSlot();
        Assembler a = p.Main;
        Label across = a.CreateLabel(), next = a.CreateLabel(), gone = a.CreateLabel(), end = a.CreateLabel();
        a.cld();
        UseSlotOften(p);
        a.mov(__dword_ptr[GuestProgram.SpareTable], GuestProgram.Data | 3);
        p.OnTrapGoTo(next);
        a.mov(eax, 0x1234);
        a.mov(edi, Slot);
        a.mov(ecx, 1030);
        a.Label(ref across);
        a.rep.stosd();
        a.Label(ref next);
        a.mov(eax, ecx);
        p.Report();
        a.mov(eax, edi);
        p.Report();
        Unmap(a);
        p.OnTrapGoTo(end);
        a.mov(edi, Slot);
        a.mov(ecx, 4);
        a.Label(ref gone);
        a.rep.stosd();
        a.Label(ref end);
        a.mov(eax, ecx);
        p.Report();
        p.Report(GuestProgram.Data + 0xFFC);
        p.End();
        GuestRun.MustLog(engine, p, () =>
        [
            $"#14 error 2 at {p.At(across)} address {Slot + 0x1000:x}", "6", $"{Slot + 0x1000:x}",
            $"#14 error 2 at {p.At(gone)} address {Slot:x}", "4", "1234",
        ]);
    }

    /// <summary>The frame has patched copies, which its new contents must reach.</summary>
    [Theory]
    [MemberData(nameof(Engines))]
    public void CodeThatIsStoredThereIsWhatRuns(string engine)
    {
        GuestProgram p = WithSlot();
        p.Place(GuestProgram.Elsewhere, 0xB8, 0x11, 0, 0, 0, 0xC3); // mov eax, 11H; ret
        p.Place(GuestProgram.Data, 0xB8, 0x22, 0, 0, 0, 0xC3);
        Assembler a = p.Main;
        a.cld();
        UseSlotOften(p);
        a.mov(ebx, GuestProgram.Elsewhere);
        a.call(ebx);
        p.Report();
        a.mov(__dword_ptr[GuestProgram.SpareTable], GuestProgram.Elsewhere | 3);
        a.mov(esi, GuestProgram.Data);
        a.mov(edi, Slot);
        a.mov(ecx, 6);
        a.rep.movsb();
        Unmap(a);
        a.call(ebx);
        p.Report();
        p.End();
        GuestRun.MustLog(engine, p, () => ["11", "22"]);
    }

    private static GuestProgram WithSlot()
    {
        var p = new GuestProgram { Paging = true };
        p.Place32(GuestProgram.Directory + (Slot >> 22 << 2), GuestProgram.SpareTable | 7);
        return p;
    }

    /// <summary>Emits: maps, uses and unmaps it until anybody who learns from that has learned.</summary>
    private static void UseSlotOften(GuestProgram p)
    {
        Assembler a = p.Main;
        ForEachFrame(p, () =>
        {
            a.mov(esi, Slot);
            a.mov(edi, Copies);
            a.mov(ecx, 16);
            a.rep.movsd();
        });
    }

    /// <summary>Emits a loop, with a frame at the slot and its address in EBP.</summary>
    private static void ForEachFrame(GuestProgram p, Action body)
    {
        Assembler a = p.Main;
        Label again = a.CreateLabel();
        a.mov(ebp, GuestProgram.Data);
        a.Label(ref again);
        a.mov(eax, ebp);
        a.or(eax, 3);
        a.mov(__dword_ptr[GuestProgram.SpareTable], eax);
        body();
        Unmap(a);
        a.add(ebp, 0x1000);
        a.cmp(ebp, unchecked((int)Copies));
        a.jne(again);
    }

    private static void Unmap(Assembler a)
    {
        a.mov(__dword_ptr[GuestProgram.SpareTable], 0);
        a.invlpg(__byte_ptr[Slot]);
    }
}
