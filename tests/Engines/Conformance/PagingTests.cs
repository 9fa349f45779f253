using Iced.Intel;
using Runtime.Abi;
using Runtime.Engines;
using Tests.Engines.Direct;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace Tests.Engines.Conformance;

/// <summary>Translations change when the architecture says so, and page-table entries tell what was done through them.</summary>
[Collection(HostProcessorCollection.Name)]
public sealed class PagingTests
{
    private const uint Elsewhere = 0x7000_0000;
    private const uint ElsewhereEntry = GuestProgram.Directory + (Elsewhere >> 22 << 2);

    public static TheoryData<string> Engines => GuestRun.Engines;

    [Theory]
    [MemberData(nameof(Engines))]
    public void InvlpgAndCr3ForgetTranslations(string engine)
    {
        GuestProgram p = WithPageElsewhere();
        p.Place32(GuestProgram.Data, 0xAAAA);
        p.Place32(GuestProgram.Data + 0x1000, 0xBBBB);
        p.Place32(GuestProgram.Data + 0x2000, 0xCCCC);
        Assembler a = p.Main;
        p.Report(Elsewhere);
        a.mov(__dword_ptr[GuestProgram.SpareTable], (GuestProgram.Data + 0x1000) | 7);
        a.invlpg(__byte_ptr[Elsewhere]);
        p.Report(Elsewhere);
        a.mov(__dword_ptr[GuestProgram.SpareTable], (GuestProgram.Data + 0x2000) | 7);
        a.mov(eax, cr3);
        a.mov(cr3, eax);
        p.Report(Elsewhere);
        p.End();
        GuestRun.MustLog(engine, p, () => ["aaaa", "bbbb", "cccc"]);
    }

    [Theory]
    [MemberData(nameof(Engines))]
    public void AccessedAndDirtyTellWhatWasDone(string engine)
    {
        GuestProgram p = WithPageElsewhere();
        Assembler a = p.Main;
        void ReportEntry()
        {
            a.mov(eax, __dword_ptr[GuestProgram.SpareTable]);
            a.and(eax, 0x60);
            p.Report();
        }

        ReportEntry();
        a.mov(ecx, __dword_ptr[Elsewhere]);
        ReportEntry();
        a.mov(__dword_ptr[Elsewhere + 4], ecx);
        ReportEntry();
        // Cleaned again: the next store must be noticed.
        a.and(__byte_ptr[GuestProgram.SpareTable], 0x9F);
        a.invlpg(__byte_ptr[Elsewhere]);
        a.mov(ecx, __dword_ptr[Elsewhere]);
        ReportEntry();
        a.mov(__dword_ptr[Elsewhere + 4], ecx);
        ReportEntry();
        a.test(__byte_ptr[ElsewhereEntry], 0x20);
        a.setnz(al);
        a.movzx(eax, al);
        p.Report();
        p.End();
        GuestRun.MustLog(engine, p, () => ["0", "20", "60", "20", "60", "1"]);
    }

    [Theory]
    [MemberData(nameof(Engines))]
    public void ReadOnlyPagesBindTheKernelOnlyWithWriteProtect(string engine)
    {
        GuestProgram p = WithPageElsewhere();
        Assembler a = p.Main;
        Label fault = a.CreateLabel(), after = a.CreateLabel();
        a.mov(__dword_ptr[GuestProgram.SpareTable], GuestProgram.Data | 5);
        a.invlpg(__byte_ptr[Elsewhere]);
        p.OnTrapGoTo(after);
        a.Label(ref fault);
        a.mov(__dword_ptr[Elsewhere], 1);
        a.Label(ref after);
        a.mov(eax, cr0);
        a.and(eax, unchecked((int)~ControlRegisters.Cr0Wp));
        a.mov(cr0, eax);
        a.mov(__dword_ptr[Elsewhere], 0x77);
        p.Report(Elsewhere);
        a.mov(eax, cr0);
        a.or(eax, (int)ControlRegisters.Cr0Wp);
        a.mov(cr0, eax);
        Label again = a.CreateLabel(), end = a.CreateLabel();
        p.OnTrapGoTo(end);
        a.Label(ref again);
        a.inc(__dword_ptr[Elsewhere]);
        a.Label(ref end);
        p.Report(Elsewhere);
        p.End();
        GuestRun.MustLog(engine, p, () => [$"#14 error 3 at {p.At(fault)} address {Elsewhere:x}", "77", $"#14 error 3 at {p.At(again)} address {Elsewhere:x}", "77"]);
    }

    [Theory]
    [MemberData(nameof(Engines))]
    public void KernelWithoutWriteProtectLeavesReadOnlyPagesToTheUser(string engine)
    {
        GuestProgram p = WithPageElsewhere();
        Assembler a = p.Main;
        Label user = a.CreateLabel(), fault = a.CreateLabel(), end = a.CreateLabel();
        a.mov(__dword_ptr[GuestProgram.SpareTable], GuestProgram.Data | 5);
        a.invlpg(__byte_ptr[Elsewhere]);
        a.mov(eax, cr0);
        a.and(eax, unchecked((int)~ControlRegisters.Cr0Wp));
        a.mov(cr0, eax);
        a.mov(__dword_ptr[Elsewhere], 0x77);
        p.OnTrapGoTo(end);
        a.mov(eax, GuestProgram.UserData);
        a.mov(ds, eax);
        a.push(GuestProgram.UserData);
        a.push(GuestProgram.UserStack);
        a.push(2);
        a.push(GuestProgram.UserCode);
        p.PushAddress(user);
        a.iretd();
        a.Label(ref user);
        a.mov(eax, __dword_ptr[Elsewhere]);
        a.@int(0x80);
        a.Label(ref fault);
        a.mov(__dword_ptr[Elsewhere], eax);
        a.Label(ref end);
        a.mov(eax, __dword_ptr[Elsewhere]);
        a.@int(0x80);
        a.hlt(); // the user has no other way to end it
        using var run = new GuestRun(engine, p);
        run.ToEndAtTrap(13, 1);
        Assert.Equal(["77", $"#14 error 7 at {p.At(fault)} address {Elsewhere:x}", "77"], run.Log.Take(3));
    }

    [Theory]
    [MemberData(nameof(Engines))]
    public void LargePagesMapFourMegabytes(string engine)
    {
        var p = new GuestProgram { Paging = true };
        p.Place32(GuestProgram.Data + 0x10, 0x1234);
        Assembler a = p.Main;
        a.mov(__dword_ptr[ElsewhereEntry], 0x83);
        p.Report(Elsewhere + GuestProgram.Data + 0x10);
        a.mov(__dword_ptr[Elsewhere + GuestProgram.Data + 0x14], 0x5678);
        p.Report(GuestProgram.Data + 0x14);
        a.mov(eax, __dword_ptr[ElsewhereEntry]);
        p.Report();
        p.End();
        GuestRun.MustLog(engine, p, () => ["1234", "5678", "e3"]);
    }

    [Theory]
    [MemberData(nameof(Engines))]
    public void PaeHonoursNoExecute(string engine)
    {
        const uint pointers = 0x5_0000, directory = 0x5_1000, table = 0x5_2000;
        var p = new GuestProgram();
        p.Place(GuestProgram.Elsewhere, 0xB8, 0x21, 0x43, 0, 0, 0xC3); // mov eax, 4321H; ret
        // 2 MiB pages below 8 MiB; the second 2 MiB by 4 KiB pages are not needed: one table for Elsewhere's 2 MiB alone.
        p.Place32(pointers, directory | 1, 0, 0, 0, 0, 0, 0, 0);
        p.Place32(directory, table | 7, 0, 0x20_0083, 0);
        p.Place32(table, [.. Enumerable.Range(0, 512).SelectMany(page => new[] { (uint)page << 12 | 7, 0u })]);
        Assembler a = p.Main;
        Label after = a.CreateLabel();
        a.mov(ecx, unchecked((int)0xC000_0080));
        a.rdmsr();
        a.or(eax, 0x800);
        a.wrmsr();
        a.mov(eax, cr4);
        a.or(eax, 0x20);
        a.mov(cr4, eax);
        a.mov(eax, pointers);
        a.mov(cr3, eax);
        a.mov(eax, cr0);
        a.or(eax, unchecked((int)0x8000_0000));
        a.mov(cr0, eax);
        a.mov(ebx, GuestProgram.Elsewhere);
        a.call(ebx);
        p.Report();
        a.mov(__dword_ptr[table + ((GuestProgram.Elsewhere >> 12) * 8) + 4], unchecked((int)0x8000_0000));
        a.invlpg(__byte_ptr[GuestProgram.Elsewhere]);
        p.Report(GuestProgram.Elsewhere);
        p.OnTrapGoTo(after);
        a.call(ebx);
        a.Label(ref after);
        a.nop();
        p.End();
        GuestRun.MustLog(engine, p, () => ["4321", "4321b8", $"#14 error 11 at {GuestProgram.Elsewhere:x} address {GuestProgram.Elsewhere:x}"]);
    }

    /// <summary>Each process of a kernel with PAE has page directories of its own, the kernel's half in them too under page-table isolation. What they
    /// show alike stays filled.</summary>
    [Theory]
    [InlineData("direct full")]
    [InlineData("direct para")]
    public void AnotherPageDirectoryOfTheSameEntriesKeepsWhatIsFilled(string engine)
    {
        const uint pointers = 0x5_0000, directory = 0x5_1000, twin = 0x5_2000, table = 0x5_3000, large = 0x60_0000;
        const int rounds = 100;
        var p = new GuestProgram();
        // By 2 MiB pages, but for 2 MiB at 4 MiB that show data by a table.
        uint[] entries = [0x83, 0, 0x20_0083, 0, table | 3, 0, 0x60_0083, 0];
        p.Place32(pointers, directory | 1, 0, 0, 0, 0, 0, 0, 0);
        p.Place32(directory, entries);
        p.Place32(twin, entries);
        p.Place32(table, GuestProgram.Data | 3, 0);
        Assembler a = p.Main;
        Label again = a.CreateLabel();
        a.mov(eax, cr4);
        a.or(eax, 0x20);
        a.mov(cr4, eax);
        a.mov(eax, pointers);
        a.mov(cr3, eax);
        a.mov(eax, cr0);
        a.or(eax, unchecked((int)0x8000_0000));
        a.mov(cr0, eax);
        a.mov(ecx, rounds);
        a.Label(ref again);
        a.inc(__dword_ptr[0x40_0000]);
        a.inc(__dword_ptr[large]);
        a.xor(__dword_ptr[pointers], directory ^ twin);
        a.mov(eax, cr3);
        a.mov(cr3, eax);
        a.dec(ecx);
        a.jnz(again);
        p.Report(GuestProgram.Data);
        p.Report(large);
        p.End();
        using var run = new GuestRun(engine, p);
        run.ToEnd();
        Assert.Equal([$"{rounds:x}", $"{rounds:x}", "end"], run.Log);
        Assert.InRange(run.Counters.Open("ShadowFault").Count, 2, rounds / 2);
    }

    /// <summary>The monitor's place is the guest's as soon as the guest maps it.</summary>
    [Theory]
    [MemberData(nameof(Engines))]
    public void TheGuestMayMapThePlaceOfTheMonitorWindow(string engine)
    {
        MapThePlaceOfTheMonitorWindow(engine, a =>
        {
            a.mov(eax, cr3); // the monitor looks when translations are flushed
            a.mov(cr3, eax);
        });
    }

    /// <summary>A page that was not present needs no flush; the monitor looks at any exit.</summary>
    [Theory]
    [MemberData(nameof(Engines))]
    public void ThePlaceOfTheMonitorWindowNeedsNoFlush(string engine)
    {
        MapThePlaceOfTheMonitorWindow(engine, a => a.invlpg(__byte_ptr[MonitorWindow.DefaultBase]));
        MapThePlaceOfTheMonitorWindow(engine, a => a.@in(al, 0x80));
    }

    private static void MapThePlaceOfTheMonitorWindow(string engine, Action<Assembler> noteThat)
    {
        const uint window = MonitorWindow.DefaultBase;
        var p = new GuestProgram { Paging = true };
        p.Place32(GuestProgram.Data, 0x1111);
        p.Place32(GuestProgram.SpareTable, GuestProgram.Data | 7);
        Assembler a = p.Main;
        a.cli();
        a.mov(__dword_ptr[GuestProgram.Directory + (window >> 22 << 2)], GuestProgram.SpareTable | 7);
        noteThat(a);
        a.sti();
        p.Report(window);
        a.mov(__dword_ptr[window + 4], 0x2222);
        a.cli();
        p.Report(GuestProgram.Data + 4);
        a.pushfd();
        a.pop(eax);
        a.and(eax, 0x200);
        p.Report();
        p.End();
        GuestRun.MustLog(engine, p, () => ["1111", "2222", "0"]);
    }

    /// <summary>Two address spaces that show different frames at one place, by turns.</summary>
    [Theory]
    [MemberData(nameof(Engines))]
    public void AddressSpacesAreApart(string engine)
    {
        const uint second = 0x5_0000, secondTable = 0x5_1000;
        GuestProgram p = WithPageElsewhere();
        p.Place32(second, GuestProgram.Table | 7);
        p.Place32(second + (Elsewhere >> 22 << 2), secondTable | 7);
        p.Place32(secondTable, (GuestProgram.Data + 0x1000) | 7);
        Assembler a = p.Main;
        Label again = a.CreateLabel();
        a.mov(ecx, 50);
        a.Label(ref again);
        a.mov(eax, GuestProgram.Directory);
        a.mov(cr3, eax);
        a.inc(__dword_ptr[Elsewhere]);
        a.mov(eax, second);
        a.mov(cr3, eax);
        a.add(__dword_ptr[Elsewhere], 2);
        a.dec(ecx);
        a.jnz(again);
        p.Report(GuestProgram.Data);
        p.Report(GuestProgram.Data + 0x1000);
        p.End();
        GuestRun.MustLog(engine, p, () => ["32", "64"]);
    }

    private static GuestProgram WithPageElsewhere()
    {
        var p = new GuestProgram { Paging = true };
        p.Place32(GuestProgram.SpareTable, GuestProgram.Data | 7);
        p.Place32(ElsewhereEntry, GuestProgram.SpareTable | 7);
        return p;
    }
}
