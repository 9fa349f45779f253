using Iced.Intel;
using Runtime.Engines;
using Tests.Engines.Direct;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace Tests.Engines.Conformance;

/// <summary>Code that changes, crosses pages, is read, or is jumped into where nobody expected it.</summary>
[Collection(HostProcessorCollection.Name)]
public sealed class CodeBytesTests
{
    private const int Rounds = 60;

    public static TheoryData<string> Engines => GuestRun.Engines;

    /// <summary>A loop that changes the immediate of an instruction in its own page, again and again.</summary>
    [Theory]
    [MemberData(nameof(Engines))]
    public void CodeMayChangeItsOwnPage(string engine)
    {
        var p = new GuestProgram();
        Assembler a = p.Main;
        Label again = a.CreateLabel(), patched = a.CreateLabel(), over = a.CreateLabel();
        a.xor(esi, esi);
        a.mov(ecx, Rounds);
        a.call(over);
        a.Label(ref patched);
        a.mov(eax, 0x1111);
        a.cli();
        a.add(esi, eax);
        a.ret();
        a.Label(ref over);
        a.pop(ebx); // the address of what is patched
        a.Label(ref again);
        a.mov(__dword_ptr[ebx + 1], ecx);
        a.call(patched);
        a.dec(ecx);
        a.jnz(again);
        a.mov(eax, esi);
        p.Report();
        p.End();
        GuestRun.MustLog(engine, p, () => [$"{Rounds * (Rounds + 1) / 2:x}"]);
    }

    /// <summary>The same, with the function in another page, written there, and through an alias.</summary>
    [Theory]
    [MemberData(nameof(Engines))]
    public void CodeMayChangeThroughAnAlias(string engine)
    {
        const uint alias = 0x7000_0000;
        var p = new GuestProgram { Paging = true };
        Assembler f = p.Part(GuestProgram.Elsewhere);
        f.mov(eax, 0x1111);
        f.cli();
        f.sti();
        f.cli();
        f.add(esi, eax);
        f.ret();
        Assembler a = p.Main;
        Label again = a.CreateLabel();
        a.mov(__dword_ptr[GuestProgram.Directory + (alias >> 22 << 2)], GuestProgram.SpareTable | 7);
        a.mov(__dword_ptr[GuestProgram.SpareTable], GuestProgram.Elsewhere | 7);
        a.xor(esi, esi);
        a.mov(ecx, Rounds);
        a.mov(ebx, GuestProgram.Elsewhere);
        a.Label(ref again);
        a.mov(__dword_ptr[GuestProgram.Elsewhere + 1], ecx);
        a.call(ebx);
        a.mov(__dword_ptr[alias + 1], ecx);
        a.call(ebx);
        a.push(alias);
        a.call(__dword_ptr[esp]);
        a.pop(eax);
        a.dec(ecx);
        a.jnz(again);
        a.mov(eax, esi);
        p.Report();
        p.End();
        GuestRun.MustLog(engine, p, () => [$"{3 * Rounds * (Rounds + 1) / 2:x}"]);
    }

    /// <summary>Three pages with an instruction across each of their borders. What is written to the third concerns the second, but not what
    /// crosses from the first: 89 F9 is MOV ECX, EDI, and would be MOV ESP, ESI with a trap for its second byte.</summary>
    [Theory]
    [MemberData(nameof(Engines))]
    public void CodeAcrossPagesOutlivesChangesFurtherOn(string engine)
    {
        const uint first = GuestProgram.Elsewhere, second = first + 0x1000, third = second + 0x1000;
        var p = new GuestProgram();
        p.Place(second - 1, 0x89, 0xF9, 0xE9, 0xF9, 0x0F, 0, 0); // MOV ECX, EDI; JMP third - 1
        p.Place(third - 1, 0xB8, 0, 0, 0, 0, 0x01, 0xC8, 0xC3); // MOV EAX, 0; ADD EAX, ECX; RET
        Assembler a = p.Main;
        Label again = a.CreateLabel();
        a.mov(edi, Rounds);
        a.xor(edx, edx);
        a.Label(ref again);
        a.mov(ebx, second - 1);
        a.mov(esi, 1);
        a.mov(__dword_ptr[third], edi);
        a.call(ebx);
        a.add(edx, eax);
        a.dec(edi);
        a.jnz(again);
        a.mov(eax, edx);
        p.Report();
        p.End();
        GuestRun.MustLog(engine, p, () => [$"{Rounds * (Rounds + 1):x}"]);
    }

    /// <summary>A breakpoint on the first byte of a longer instruction, as kernels put there while they patch code: the handler goes on behind that
    /// instruction. Read from the byte behind the breakpoint, what follows looks like AND CH, AL; INT 2EH.</summary>
    [Theory]
    [MemberData(nameof(Engines))]
    public void CodeGoesOnBehindAPatchedInstruction(string engine)
    {
        const uint breakpoint = GuestProgram.Elsewhere, call = breakpoint + 2, called = call + 5 + 0x2ECD;
        var p = new GuestProgram();
        p.Place(breakpoint, 0xCC, 0x22, 0xE8, 0xCD, 0x2E, 0, 0, 0xC3); // (JMP rel8); CALL called; RET
        Assembler f = p.Part(called);
        f.mov(eax, 0x77);
        f.ret();
        Assembler a = p.Main;
        a.mov(__dword_ptr[GuestProgram.Resume], call);
        a.mov(ebx, breakpoint);
        a.call(ebx);
        p.Report();
        p.End();
        GuestRun.MustLog(engine, p, () => [$"#3 error 0 at {breakpoint + 1:x}", "77"]);
    }

    /// <summary>New code where other code was: what was known of the old instructions must not survive.</summary>
    [Theory]
    [MemberData(nameof(Engines))]
    public void CodeMayBeReplacedByOtherCode(string engine)
    {
        var p = new GuestProgram();
        Assembler a = p.Main;
        // Two functions as data, copied to the same place by turns: 0FH 20H C0H is MOV EAX, CR0; B8H ... is MOV EAX, imm32.
        p.Place(GuestProgram.Data, 0x0F, 0x20, 0xC0, 0x83, 0xE0, 0x01, 0xFA, 0xC3);
        p.Place(GuestProgram.Data + 8, 0xB8, 0x0F, 0x20, 0xC0, 0x00, 0x9C, 0x58, 0xC3);
        a.mov(ebp, 20);
        a.xor(edx, edx);
        Label again = a.CreateLabel();
        a.Label(ref again);
        foreach (uint source in new[] { GuestProgram.Data, GuestProgram.Data + 8 })
        {
            a.mov(esi, source);
            a.mov(edi, GuestProgram.Elsewhere);
            a.mov(ecx, 2);
            a.rep.movsd();
            a.mov(ebx, GuestProgram.Elsewhere);
            a.call(ebx);
            a.and(eax, ~0x8D5); // the second returns EFLAGS
            a.add(edx, eax);
        }

        a.dec(ebp);
        a.jnz(again);
        a.mov(eax, edx);
        p.Report();
        p.End();
        // CR0.PE is masked off with CF by the AND: 0 and 2 a round.
        GuestRun.MustLog(engine, p, () => [$"{20 * 2:x}"]);
    }

    /// <summary>A counter in the middle of the loop that counts it.</summary>
    [Theory]
    [MemberData(nameof(Engines))]
    public void DataMayLieAmongCode(string engine)
    {
        var p = new GuestProgram();
        Assembler f = p.Part(GuestProgram.Elsewhere);
        Label begin = f.CreateLabel(), again = f.CreateLabel();
        f.jmp(begin);
        f.nop();
        f.nop();
        f.nop();
        f.db(new byte[64]); // the counter is at +8
        f.Label(ref begin);
        f.mov(ecx, 2000);
        f.Label(ref again);
        f.cli();
        f.inc(__dword_ptr[GuestProgram.Elsewhere + 8]);
        f.sti();
        f.dec(ecx);
        f.jnz(again);
        f.mov(eax, __dword_ptr[GuestProgram.Elsewhere + 8]);
        f.ret();
        Assembler a = p.Main;
        a.mov(ebx, GuestProgram.Elsewhere);
        a.call(ebx);
        p.Report();
        p.End();
        GuestRun.MustLog(engine, p, () => [$"{2000:x}"]);
    }

    /// <summary>Instructions, plain and sensitive, at every split over a page boundary.</summary>
    [Theory]
    [MemberData(nameof(Engines))]
    public void InstructionsMayCrossPages(string engine)
    {
        var p = new GuestProgram();
        Assembler a = p.Main;
        var expected = new List<string>();
        byte[][] bodies =
        [
            [0xB8, 0x78, 0x56, 0x34, 0x12], // mov eax, 12345678H
            [0x0F, 0x20, 0xC0], // mov eax, cr0
            [0x0F, 0x01, 0xE0], // smsw eax
            [0x8C, 0xC8], // mov eax, cs
            [0x0F, 0x01, 0x0D, 0x00, 0x00, 0x20, 0x00], // sidt [200000H]
            [0x66, 0x9C, 0x66, 0x58], // pushf; pop ax
        ];
        string[] values = ["12345678", "31", "31", "8", "77", "202"];
        uint page = GuestProgram.Elsewhere;
        for (int i = 0; i < bodies.Length; i++)
        {
            for (uint split = 1; split < bodies[i].Length; split++)
            {
                uint at = page + 0x1000 - split;
                p.Place(at, [.. bodies[i], 0xC3]);
                a.mov(eax, 0x77);
                a.sti();
                for (int times = 0; times < 3; times++)
                {
                    a.mov(ebx, at);
                    a.xor(edx, edx);
                    a.mov(eax, bodies[i][0] == 0x66 ? 0 : 0x77);
                    a.call(ebx);
                }

                a.and(eax, bodies[i][0] == 0x66 ? 0x202 : -1);
                p.Report();
                expected.Add(values[i]);
                page += 0x2000;
            }
        }

        a.cli();
        p.End();
        GuestRun.MustLog(engine, p, () => expected);
    }

    /// <summary>The second page of an instruction may be missing; the fault is there, the instruction's address is its own.</summary>
    [Theory]
    [MemberData(nameof(Engines))]
    public void AMissingSecondPageFaultsWhereItBegins(string engine)
    {
        const uint at = GuestProgram.Elsewhere + 0xFFE;
        var p = new GuestProgram { Paging = true };
        p.Place(at, 0xB8, 0x78, 0x56, 0x34, 0x12, 0xC3);
        p.Place32(GuestProgram.SpareTable, 0);
        Assembler a = p.Main;
        Label after = a.CreateLabel();
        uint entry = GuestProgram.Table + ((GuestProgram.Elsewhere >> 12) + 1) * 4;
        a.mov(__dword_ptr[entry], 0);
        a.invlpg(__byte_ptr[GuestProgram.Elsewhere + 0x1000]);
        p.OnTrapGoTo(after);
        a.mov(ebx, at);
        a.call(ebx);
        a.Label(ref after);
        a.nop();
        a.mov(__dword_ptr[entry], (GuestProgram.Elsewhere + 0x1000) | 7);
        a.call(ebx);
        p.Report();
        p.End();
        GuestRun.MustLog(engine, p, () => [$"#14 error 0 at {at:x} address {GuestProgram.Elsewhere + 0x1000:x}", "12345678"]);
    }

    /// <summary>What a patch moved away can still be jumped to.</summary>
    [Theory]
    [MemberData(nameof(Engines))]
    public void AJumpIntoTheMiddleOfADisplacedRangeArrives(string engine)
    {
        var p = new GuestProgram();
        Assembler a = p.Main;
        Label again = a.CreateLabel(), entry = a.CreateLabel(), middle = a.CreateLabel(), next = a.CreateLabel(), back = a.CreateLabel();
        a.xor(esi, esi);
        a.mov(ecx, 100);
        p.PushAddress(middle);
        a.pop(ebp); // an indirect jump: no scan sees where it goes
        a.Label(ref again);
        a.test(cl, 1);
        a.jz(entry);
        a.mov(eax, 0x100);
        a.jmp(ebp);
        a.Label(ref entry);
        a.mov(eax, 0x10000);
        a.cli();
        a.Label(ref middle);
        a.inc(esi);
        a.Label(ref next);
        a.add(esi, eax);
        a.nop();
        a.sti();
        a.Label(ref back);
        a.dec(ecx);
        a.jnz(again);
        a.mov(eax, esi);
        a.cli();
        p.Report();
        p.End();
        GuestRun.MustLog(engine, p, () => [$"{100 + (50 * 0x100) + (50 * 0x10000):x}"]);
    }

    /// <summary>Whatever the monitor did to the code, the guest reads what it wrote.</summary>
    [Theory]
    [MemberData(nameof(Engines))]
    public void CodeReadsAsItWasWritten(string engine)
    {
        const int length = 200;
        var p = new GuestProgram();
        Assembler a = p.Main;
        Label again = a.CreateLabel();
        a.cli();
        a.sti();
        a.pushfd();
        a.pop(eax);
        a.mov(eax, cr0);
        a.mov(edx, cs);
        a.cli();
        a.mov(edi, 40);
        a.Label(ref again); // often enough to make the page be shown as data, if that is what the engine does
        a.mov(esi, GuestProgram.Start);
        a.mov(ecx, length);
        a.xor(ebx, ebx);
        a.xor(eax, eax);
        Label sum = a.CreateLabel();
        a.Label(ref sum);
        a.lodsb();
        a.rol(ebx, 1);
        a.add(ebx, eax);
        a.loop(sum);
        a.sti();
        a.cli();
        a.dec(edi);
        a.jnz(again);
        a.mov(eax, ebx);
        p.Report();
        p.End();
        a.db(new byte[length]);
        GuestRun.MustLog(engine, p, () =>
        {
            uint expected = 0;
            foreach (byte value in p.BytesAt(GuestProgram.Start).AsSpan(0, length))
            {
                expected = System.Numerics.BitOperations.RotateLeft(expected, 1) + value;
            }

            return [$"{expected:x}"];
        });
    }

    /// <summary>The lowest pages belong to the guest even where the host does not let us map them.</summary>
    [Theory]
    [MemberData(nameof(Engines))]
    public void PageZeroIsOrdinaryMemory(string engine)
    {
        var p = new GuestProgram();
        Assembler a = p.Main;
        p.Place(0x600, 0xFA, 0xA1, 0x00, 0x00, 0x00, 0x00, 0x9C, 0x5A, 0xC3); // cli; mov eax, [0]; pushf; pop edx; ret
        a.sti();
        a.mov(__dword_ptr[0], 0x12345678);
        a.inc(__dword_ptr[2]);
        a.mov(ebx, 0x600);
        a.call(ebx);
        p.Report();
        a.mov(eax, edx);
        a.and(eax, 0x200);
        p.Report();
        p.End();
        GuestRun.MustLog(engine, p, () => ["12355678", "0"]);
    }
}
