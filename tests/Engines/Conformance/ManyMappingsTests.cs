using Iced.Intel;
using Tests.Engines.Direct;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace Tests.Engines.Conformance;

/// <summary>A guest that uses one page in eight of more memory, no two pages of it in a row, than the host lets a process have mappings.</summary>
[Collection(HostProcessorCollection.Name)]
public sealed class ManyMappingsTests
{
    private const uint First = 0x4000_0000, Tables = 40, Rounds = 12, Stride = 0x8000, Used = Tables * 0x40_0000 / Stride;

    public static TheoryData<string> Engines => GuestRun.Engines;

    [Theory]
    [MemberData(nameof(Engines))]
    public void WhatIsUsedStaysMapped(string engine)
    {
        var p = new GuestProgram { Paging = true };
        for (uint table = 0; table < Tables; table++)
        {
            p.Place32(GuestProgram.Directory + (First >> 22 << 2) + (table << 2), GuestProgram.SpareTable | 7);
        }

        for (uint page = 0; page < 1024; page++)
        {
            p.Place32(GuestProgram.SpareTable + (page << 2), GuestProgram.Data + ((1023 - page) << 12) | 7);
        }

        Assembler a = p.Main;
        Label round = a.CreateLabel(), next = a.CreateLabel();
        a.mov(ebx, Rounds);
        a.xor(eax, eax);
        a.Label(ref round);
        a.mov(edi, First);
        a.Label(ref next);
        a.add(eax, __dword_ptr[edi]);
        a.add(edi, Stride);
        a.cmp(edi, unchecked((int)(First + (Tables << 22))));
        a.jne(next);
        // Looks whether the process has too many mappings.
        a.mov(ecx, cr3);
        a.mov(cr3, ecx);
        a.dec(ebx);
        a.jne(round);
        p.Report();
        // The first page of eight in each table, from the end of the frames: the 1024th, 1016th and so on.
        for (uint frame = 7; frame < 1024; frame += 8)
        {
            p.Place32(GuestProgram.Data + (frame << 12), 1);
        }

        p.End();
        using var run = new GuestRun(engine, p);
        run.ToEnd();
        Assert.Equal([$"{Rounds * Used:x}", "end"], run.Log);
        if (engine != "interpreter")
        {
            Assert.InRange(run.Counters.LeavingsByReason()["ShadowFault"], Used / 25, 3 * Used);
        }
    }
}
