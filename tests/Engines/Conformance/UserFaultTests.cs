using Iced.Intel;
using Runtime.Engines;
using Tests.Engines.Direct;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace Tests.Engines.Conformance;

/// <summary>Page faults of a user that its kernel settles: the frame, CR2, registers and FPU are as the SDM says, however they are delivered.</summary>
[Collection(HostProcessorCollection.Name)]
public sealed class UserFaultTests
{
    private const uint Sweeps = 40, Pages = 64, First = 0x28_0000;
    private const uint Faults = GuestProgram.Data, Errors = GuestProgram.Data + 4, Addresses = GuestProgram.Data + 8, Flags = GuestProgram.Data + 12, Swept = GuestProgram.Data + 16;
    private const uint Handler = 0x12_0000, SystemCall = 0x12_1000;
    private const byte Vector = 0x81;

    // PAE: a page-directory-pointer table, a page directory, and tables for 0 to 4 MiB that follow each other.
    private const uint Pointers = 0x4_3000, PaeDirectory = 0x4_4000, PaeTables = 0x4_5000;

    private const uint Magic = 0x0BAD_CAFE;

    public static TheoryData<string, bool, bool> Cases
    {
        get
        {
            var cases = new TheoryData<string, bool, bool>();
            foreach (string engine in GuestRun.Engines.Select(row => row.Data))
            {
                foreach (bool pae in new[] { false, true })
                {
                    cases.Add(engine, pae, false);
                    cases.Add(engine, pae, true);
                }
            }

            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void AreTheKernels(string engine, bool pae, bool kicks)
    {
        GuestProgram p = Program(pae);
        using var run = new GuestRun(engine, p);
        if (kicks)
        {
            run.UnderKicks();
        }
        else
        {
            run.ToEnd();
        }

        // Writes to even pages (error code 6), reads of odd ones (4); RF is set in each frame.
        const uint faults = Sweeps * Pages;
        uint addresses = 0;
        for (uint page = 0; page < Pages; page++)
        {
            addresses += Sweeps * (First + (page << 12) + 8);
        }

        Assert.Equal([.. new[] { faults, faults * 5, addresses, faults * 0x1_0002 }.Select(value => value.ToString("x")), "end"], run.Log);
        if (engine == "direct para")
        {
            Assert.InRange(run.Counters.Open("GuestPageFault").Count, 1, faults / 4);
        }
    }

    /// <summary>Tables that lead out of RAM, and a stack that is not there: the monitor's business, and the guest's triple fault.</summary>
    [Theory]
    [MemberData(nameof(Engines))]
    public void AreLeftToTheMonitorWhereTheTablesLeadAstray(string engine)
    {
        const uint directory = 0x0FFF_F000;
        GuestProgram p = Program(pae: false, afterSweep: kernel =>
        {
            // The page tables of 4 MiB and more: beyond RAM, where everything reads as ones.
            kernel.mov(__dword_ptr[GuestProgram.Directory + 4], directory | 7);
            kernel.mov(eax, cr3);
            kernel.mov(cr3, eax);
        }, afterSweeps: user => user.mov(eax, __dword_ptr[0x40_0000]));
        using var run = new GuestRun(engine, p);
        run.ToEnd();
        Assert.Equal("end", run.Log[^1]);
    }

    public static TheoryData<string> Engines => GuestRun.Engines;

    private static GuestProgram Program(bool pae, Action<Assembler>? afterSweep = null, Action<Assembler>? afterSweeps = null)
    {
        var p = new GuestProgram { Paging = !pae };
        p.Place(GuestProgram.Idt + (14 * 8), Gate(Handler, 0x8E00));
        p.Place(GuestProgram.Idt + (Vector * 8), Gate(SystemCall, 0xEE00));
        EmitHandler(p.Part(Handler), pae);
        EmitSystemCall(p, pae, afterSweep);
        Assembler a = p.Main;
        if (pae)
        {
            p.Place32(Pointers, PaeDirectory | 1, 0);
            p.Place32(PaeDirectory, PaeTables | 7, 0, (PaeTables + 0x1000) | 7, 0);
            p.Place32(PaeTables, [.. Enumerable.Range(0, 2048).Select(i => i % 2 == 0 ? (uint)i / 2 << 12 | 7 : 0)]);
            a.mov(eax, cr4);
            a.or(eax, ControlRegisters.Cr4Pae);
            a.mov(cr4, eax);
            a.mov(eax, Pointers);
            a.mov(cr3, eax);
            a.mov(eax, cr0);
            a.or(eax, unchecked((int)(ControlRegisters.Cr0Pg | ControlRegisters.Cr0Wp)));
            a.mov(cr0, eax);
        }

        EmitUnmap(a, pae);
        a.mov(eax, GuestProgram.UserData);
        a.mov(ds, eax);
        a.mov(es, eax);
        a.push(GuestProgram.UserData);
        a.push(GuestProgram.UserStack);
        a.push(2);
        a.push(GuestProgram.UserCode);
        a.push(GuestProgram.Elsewhere);
        a.iretd();

        Assembler u = p.Part(GuestProgram.Elsewhere);
        Label sweep = u.CreateLabel(), next = u.CreateLabel(), wrong = u.CreateLabel();
        u.mov(eax, Magic);
        u.movd(xmm0, eax);
        u.mov(ebp, Sweeps);
        u.Label(ref sweep);
        u.@int(Vector);
        u.mov(esi, First);
        u.mov(edi, Pages / 2);
        u.Label(ref next);
        u.mov(__dword_ptr[esi + 8], edi);
        u.mov(ebx, __dword_ptr[esi + 0x1008]);
        u.movd(edx, xmm0);
        u.cmp(edx, Magic);
        u.jne(wrong);
        u.cmp(__dword_ptr[esi + 8], edi);
        u.jne(wrong);
        u.add(esi, 0x2000);
        u.dec(edi);
        u.jne(next);
        u.dec(ebp);
        u.jne(sweep);
        afterSweeps?.Invoke(u);
        u.xor(eax, eax);
        u.@int(Vector);
        u.Label(ref wrong);
        u.hlt(); // #GP: shows in the log
        return p;
    }

    private static byte[] Gate(uint target, uint attributes)
        => BitConverter.GetBytes((target & 0xFFFF) | (uint)GuestProgram.KernelCode << 16 | (ulong)attributes << 32 | (ulong)(target >> 16) << 48);

    /// <summary>Sums up what it finds and maps the page onto itself.</summary>
    private static void EmitHandler(Assembler h, bool pae)
    {
        h.push(eax);
        h.push(ecx);
        h.inc(__dword_ptr[Faults]);
        h.mov(ecx, __dword_ptr[esp + 8]);
        h.add(__dword_ptr[Errors], ecx);
        h.mov(ecx, __dword_ptr[esp + 20]);
        h.and(ecx, 0x1_0202);
        h.add(__dword_ptr[Flags], ecx);
        h.mov(eax, cr2);
        h.add(__dword_ptr[Addresses], eax);
        h.mov(ecx, eax);
        h.shr(ecx, 12);
        h.and(eax, -4096);
        h.or(eax, 7);
        if (pae)
        {
            h.mov(__dword_ptr[(ecx * 8) + PaeTables], eax);
        }
        else
        {
            h.mov(__dword_ptr[(ecx * 4) + GuestProgram.Table], eax);
        }

        h.pop(ecx);
        h.pop(eax);
        h.add(esp, 4);
        h.iretd();
    }

    /// <summary>Before a sweep: takes the pages away. With EAX = 0: reports.</summary>
    private static void EmitSystemCall(GuestProgram p, bool pae, Action<Assembler>? afterSweep)
    {
        Assembler k = p.Part(SystemCall);
        Label over = k.CreateLabel();
        k.test(eax, eax);
        k.je(over);
        k.push(eax);
        EmitUnmap(k, pae);
        afterSweep?.Invoke(k);
        k.pop(eax);
        k.iretd();
        k.Label(ref over);
        foreach (uint sum in new[] { Faults, Errors, Addresses, Flags })
        {
            k.mov(eax, __dword_ptr[sum]);
            p.Report(k);
        }

        p.End(k);
    }

    private static void EmitUnmap(Assembler a, bool pae)
    {
        uint size = pae ? 8u : 4;
        Label clear = a.CreateLabel();
        a.mov(eax, (First >> 12) * size);
        a.Label(ref clear);
        a.mov(__dword_ptr[eax + (pae ? PaeTables : GuestProgram.Table)], 0);
        a.add(eax, size);
        a.cmp(eax, ((First >> 12) + Pages) * size);
        a.jne(clear);
        a.mov(eax, cr3);
        a.mov(cr3, eax);
    }
}
