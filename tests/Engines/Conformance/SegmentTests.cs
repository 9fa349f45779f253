using Iced.Intel;
using Tests.Engines.Direct;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace Tests.Engines.Conformance;

/// <summary>Segments that are not flat, the LDT, and limits.</summary>
[Collection(HostProcessorCollection.Name)]
public sealed class SegmentTests
{
    public static TheoryData<string> Engines => GuestRun.Engines;

    [Theory]
    [MemberData(nameof(Engines))]
    public void FsAndGsHaveBases(string engine)
    {
        var p = new GuestProgram();
        p.Place32(GuestProgram.Data, 0x11, 0x22, 0x33, 0x44);
        p.Place32(GuestProgram.Data + 0x1000, 0x55, 0x66);
        p.Place32(GuestProgram.Data + 0x2000, 0x77, 0x88);
        Assembler a = p.Main;
        a.mov(eax, GuestProgram.ShortData);
        a.mov(fs, eax);
        a.mov(eax, GuestProgram.BasedData);
        a.mov(gs, eax);
        a.mov(eax, __dword_ptr.fs[4]);
        p.Report();
        a.mov(eax, __dword_ptr.gs[4]);
        p.Report();
        a.mov(eax, __dword_ptr.gs[0xFFFF_F000u]);
        p.Report();
        a.mov(ecx, 0x40);
        a.lldt(cx);
        a.push(0x0F);
        a.pop(gs);
        a.mov(eax, __dword_ptr.gs[4]);
        p.Report();
        a.mov(eax, gs);
        p.Report();
        a.sldt(eax);
        p.Report();
        p.End();
        GuestRun.MustLog(engine, p, () => ["22", "66", "11", "88", "f", "40"]);
    }

    [Theory]
    [MemberData(nameof(Engines))]
    public void BeyondTheLimitIsGeneralProtection(string engine)
    {
        var p = new GuestProgram();
        p.Place32(GuestProgram.Data, 0x11, 0x22, 0x33, 0x44, 0x55);
        Assembler a = p.Main;
        Label last = a.CreateLabel(), over = a.CreateLabel(), none = a.CreateLabel(), end = a.CreateLabel();
        a.mov(eax, GuestProgram.ShortData);
        a.mov(fs, eax);
        a.mov(eax, __dword_ptr.fs[12]);
        p.Report();
        a.cli();
        p.OnTrapGoTo(last);
        a.Label(ref over);
        a.mov(eax, __dword_ptr.fs[13]);
        a.Label(ref last);
        a.xor(eax, eax);
        a.mov(fs, eax);
        p.OnTrapGoTo(end);
        a.Label(ref none);
        a.mov(eax, __dword_ptr.fs[0]); // a null selector
        a.Label(ref end);
        p.End();
        GuestRun.MustLog(engine, p, () => ["44", $"#13 error 0 at {p.At(over)}", $"#13 error 0 at {p.At(none)}"]);
    }

    /// <summary>Changing a descriptor changes nothing until the register is loaded again.</summary>
    [Theory]
    [MemberData(nameof(Engines))]
    public void DescriptorsAreCached(string engine)
    {
        var p = new GuestProgram();
        p.Place32(GuestProgram.Data, 0x11);
        p.Place32(GuestProgram.Data + 0x100, 0x99);
        Assembler a = p.Main;
        a.mov(eax, GuestProgram.ShortData);
        a.mov(es, eax);
        a.mov(__byte_ptr[GuestProgram.Gdt + GuestProgram.ShortData + 3], 1); // base + 100H
        a.mov(ebx, __dword_ptr.es[0]);
        a.mov(es, eax);
        a.mov(ecx, __dword_ptr.es[0]);
        a.mov(__byte_ptr[GuestProgram.Gdt + GuestProgram.ShortData + 3], 0);
        a.push(es);
        a.pop(es);
        a.mov(edx, __dword_ptr.es[0]);
        foreach (AssemblerRegister32 register in new[] { ebx, ecx, edx })
        {
            a.mov(eax, register);
            p.Report();
        }

        p.End();
        GuestRun.MustLog(engine, p, () => ["11", "99", "11"]);
    }
}
