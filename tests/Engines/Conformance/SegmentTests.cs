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
    public void VerifyingForWritingSeesTheDescriptorAsItIsNow(string engine)
    {
        const uint overflowed = 0x894, andZero = 0x8D4, arithmetic = 0x8D5;
        ushort[] selectors = [GuestProgram.UserData, GuestProgram.KernelData, GuestProgram.KernelData | 3, GuestProgram.KernelCode, 0];
        var p = new GuestProgram();
        Assembler a = p.Main;
        Label again = a.CreateLabel();
        a.mov(esi, 3);
        a.Label(ref again);
        foreach (ushort selector in selectors)
        {
            a.mov(__word_ptr[GuestProgram.Data], selector);
            a.mov(eax, int.MaxValue);
            a.inc(eax); // OF SF AF PF
            a.verw(__word_ptr[GuestProgram.Data]);
            a.pushfd();
            a.pop(eax);
            a.and(eax, arithmetic);
            p.Report();
        }

        // From the third time on users' data is read only.
        a.dec(esi);
        a.cmp(esi, 1);
        Label unchanged = a.CreateLabel(), end = a.CreateLabel();
        a.jne(unchanged);
        a.and(__byte_ptr[GuestProgram.Gdt + (GuestProgram.UserData & ~7) + 5], 0xFD);
        a.Label(ref unchanged);
        a.test(esi, esi);
        a.je(end);
        a.jmp(again);
        a.Label(ref end);
        p.End();
        uint[] writable = [andZero, andZero, overflowed, overflowed, overflowed];
        uint[] readOnly = [overflowed, .. writable[1..]];
        GuestRun.MustLog(engine, p, () => [.. writable.Concat(writable).Concat(readOnly).Select(flags => flags.ToString("x"))]);
    }

    [Theory]
    [MemberData(nameof(Engines))]
    public void AnOperandAmongCodeIsReadAsItIsNow(string engine)
    {
        // On the page that executes, and so often that the shim no longer reads it there.
        const uint operand = GuestProgram.Start + 0x800;
        const int times = 60;
        var p = new GuestProgram { Paging = true };
        p.Place(operand, 0, 0, 0, 0);
        Assembler a = p.Main;
        Label again = a.CreateLabel();
        a.mov(esi, times);
        a.Label(ref again);
        a.mov(eax, esi);
        a.and(eax, 3);
        a.cmp(eax, 3);
        a.mov(ecx, GuestProgram.KernelCode);
        a.mov(edx, GuestProgram.UserData);
        a.cmove(ecx, edx);
        Label unchanged = a.CreateLabel();
        a.test(esi, 2); // two rounds in a row with nothing written
        a.je(unchanged);
        a.mov(__word_ptr[operand], cx);
        a.Label(ref unchanged);
        a.xor(eax, eax);
        a.verw(__word_ptr[operand]);
        a.sete(al);
        p.Report();
        a.verw(__word_ptr[operand]);
        a.sete(al);
        p.Report();
        a.dec(esi);
        a.jne(again);
        p.End();
        var expected = new List<string>();
        bool writable = false;
        for (int i = times; i > 0; i--)
        {
            writable = (i & 2) != 0 ? (i & 3) == 3 : writable;
            expected.AddRange([writable ? "1" : "0", writable ? "1" : "0"]);
        }

        GuestRun.MustLog(engine, p, () => expected);
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

    /// <summary>A load that is done without an exit in one address space finds its host descriptor missing in another: nothing shows.</summary>
    [Theory]
    [MemberData(nameof(Engines))]
    public void SegmentLoadsKeepRegistersInEveryAddressSpace(string engine)
    {
        const uint otherDirectory = 0x4_3000;
        var p = new GuestProgram { Paging = true };
        p.Place32(otherDirectory, GuestProgram.Table | 7);
        p.Place32(GuestProgram.Data + 0x1000, 0x55);
        Assembler a = p.Main;
        Label again = a.CreateLabel(), stay = a.CreateLabel();
        a.mov(eax, otherDirectory);
        a.mov(cr3, eax);
        a.mov(eax, GuestProgram.Directory);
        a.mov(cr3, eax);
        a.mov(edi, 4);
        a.Label(ref again);
        a.mov(ecx, 1);
        a.mov(edx, 2);
        a.mov(ebx, 3);
        a.mov(esi, 4);
        a.mov(eax, GuestProgram.BasedData);
        a.mov(gs, eax);
        a.shl(ecx, 4);
        a.or(ecx, edx);
        a.shl(ecx, 4);
        a.or(ecx, ebx);
        a.shl(ecx, 4);
        a.or(ecx, esi);
        a.mov(eax, ecx);
        p.Report();
        a.mov(eax, __dword_ptr.gs[0]);
        p.Report();
        a.xor(eax, eax);
        a.mov(gs, eax);
        // Two rounds here, two there.
        a.cmp(edi, 3);
        a.jne(stay);
        a.mov(eax, otherDirectory);
        a.mov(cr3, eax);
        a.Label(ref stay);
        a.dec(edi);
        a.jne(again);
        p.End();
        GuestRun.MustLog(engine, p, () => Enumerable.Repeat(new[] { "1234", "55" }, 4).SelectMany(line => line));
    }

    /// <summary>More descriptors than an LDT of the host holds, while another one is loaded in between.</summary>
    [Theory]
    [MemberData(nameof(Engines))]
    public void DescriptorsDoNotRunOut(string engine)
    {
        const int descriptors = 9000;
        var p = new GuestProgram();
        p.Place32(GuestProgram.Data + 0x1000, 0x55);
        Assembler a = p.Main;
        Label again = a.CreateLabel(), wrong = a.CreateLabel(), next = a.CreateLabel();
        a.mov(eax, GuestProgram.BasedData);
        a.mov(gs, eax);
        a.xor(esi, esi); // how many were wrong
        a.mov(edi, GuestProgram.Data + 0x2000);
        a.mov(ecx, descriptors);
        a.Label(ref again);
        a.mov(__dword_ptr[edi], edi);
        a.mov(eax, edi);
        a.shl(eax, 16);
        a.mov(ax, 0xF);
        a.mov(__dword_ptr[GuestProgram.Gdt + GuestProgram.ShortData], eax);
        a.mov(eax, edi);
        a.shr(eax, 16);
        a.mov(__byte_ptr[GuestProgram.Gdt + GuestProgram.ShortData + 4], al);
        a.mov(eax, GuestProgram.ShortData);
        a.mov(fs, eax);
        a.cmp(__dword_ptr.fs[0], edi);
        a.jne(wrong);
        a.mov(eax, GuestProgram.BasedData);
        a.mov(gs, eax);
        a.cmp(__dword_ptr.gs[0], 0x55);
        a.je(next);
        a.Label(ref wrong);
        a.inc(esi);
        a.Label(ref next);
        a.add(edi, 16);
        a.dec(ecx);
        a.jne(again);
        a.mov(eax, esi);
        p.Report();
        p.End();
        GuestRun.MustLog(engine, p, () => ["0"]);
    }
}
