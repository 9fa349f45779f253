using Iced.Intel;
using Tests.Engines.Direct;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace Tests.Engines.Conformance;

/// <summary>A guest changes its page tables at random, flushes as the architecture asks for, and uses what it mapped: whatever the shadow
/// keeps, fills ahead or gives to another directory, the guest must see what the interpreter shows it.</summary>
[Collection(HostProcessorCollection.Name)]
public sealed class RandomPagingTests
{
    private const uint Pages = 0x7000_0000, PageCount = 40, FrameCount = 64, StepCount = 250;
    private const uint FirstDirectory = 0x5_0000, DirectoryCount = 4;
    private const uint Present = 1, Writable = 2, Accessed = 0x20, Dirty = 0x40;

    /// <summary>Directories, each followed by its table.</summary>
    private static uint DirectoryAt(uint index) => FirstDirectory + (index * 0x2000);

    private static uint TableAt(uint index) => DirectoryAt(index) + 0x1000;

    public static TheoryData<string, int> Seeds
    {
        get
        {
            var data = new TheoryData<string, int>();
            for (int seed = 1; seed <= 12; seed++)
            {
                data.Add("direct para", seed);
            }

            for (int seed = 13; seed <= 16; seed++)
            {
                data.Add("direct full", seed);
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void ShadowShowsWhatTheTablesSay(string engine, int seed)
    {
        using var reference = new GuestRun("interpreter", RandomProgram(seed));
        reference.ToEnd();
        Assert.Equal("end", reference.Log[^1]);
        GuestRun.MustLog(engine, RandomProgram(seed), () => reference.Log.SkipLast(1));
    }

    private static GuestProgram RandomProgram(int seed)
    {
        var random = new Random(seed);
        var p = new GuestProgram { Paging = true };
        for (uint d = 0; d < DirectoryCount; d++)
        {
            p.Place32(DirectoryAt(d), GuestProgram.Table | 7);
            p.Place32(DirectoryAt(d) + (Pages >> 22 << 2), TableAt(d) | 7);
        }

        for (uint f = 0; f < FrameCount; f++)
        {
            p.Place32(FrameAt(f), 0x1000 + f);
        }

        Assembler a = p.Main;
        uint current = 0;
        SwitchTo(a, current);
        for (int step = 0; step < StepCount; step++)
        {
            uint page = (uint)random.Next((int)PageCount), address = Pages + (page << 12), entry = TableAt(current) + (page * 4);
            switch (random.Next(10))
            {
                case 0:
                    // Another process; what it does not have yet comes from its own table.
                    current = (uint)random.Next((int)DirectoryCount);
                    SwitchTo(a, current);
                    break;
                case 1:
                    Fork(a, current, (uint)random.Next((int)DirectoryCount));
                    SwitchTo(a, current);
                    break;
                case 2 or 3:
                    a.mov(__dword_ptr[entry], RandomEntry(random));
                    a.invlpg(__byte_ptr[address]);
                    break;
                case 4:
                    // A run of pages, as a kernel maps a file, and one flush for all of them.
                    for (uint i = page; i < Math.Min(page + 6, PageCount); i++)
                    {
                        a.mov(__dword_ptr[TableAt(current) + (i * 4)], RandomEntry(random));
                    }

                    SwitchTo(a, current);
                    break;
                case 5:
                    a.and(__dword_ptr[entry], (int)~(random.Next(2) == 0 ? Accessed : Dirty));
                    a.invlpg(__byte_ptr[address]);
                    break;
                case 6 or 7:
                    Access(p, () => a.mov(__dword_ptr[address], step));
                    ReportBits(p, entry, Dirty | Writable);
                    break;
                default:
                    Access(p, () => p.Report(address));
                    ReportBits(p, entry, Dirty | Writable | Accessed);
                    break;
            }
        }

        for (uint f = 0; f < FrameCount; f++)
        {
            p.Report(FrameAt(f));
        }

        p.End();
        return p;
    }

    private static uint FrameAt(uint index) => GuestProgram.Data + (index << 12);

    private static uint RandomEntry(Random random)
    {
        uint flags = Present | (random.Next(4) != 0 ? Writable : 0) | (random.Next(2) == 0 ? Accessed : 0) | (random.Next(2) == 0 ? Dirty : 0);
        return random.Next(8) == 0 ? 0 : FrameAt((uint)random.Next((int)FrameCount)) | flags;
    }

    private static void SwitchTo(Assembler a, uint directory)
    {
        a.mov(eax, DirectoryAt(directory));
        a.mov(cr3, eax);
    }

    /// <summary>As fork does: the pages of one directory in another, read-only in both, not accessed there yet.</summary>
    private static void Fork(Assembler a, uint from, uint to)
    {
        Label next = a.CreateLabel();
        a.mov(esi, TableAt(from));
        a.mov(edi, TableAt(to));
        a.mov(ecx, PageCount);
        a.Label(ref next);
        a.mov(eax, __dword_ptr[esi]);
        a.and(eax, unchecked((int)~Writable));
        a.mov(__dword_ptr[esi], eax);
        a.and(eax, unchecked((int)~(Accessed | Dirty)));
        a.mov(__dword_ptr[edi], eax);
        a.add(esi, 4);
        a.add(edi, 4);
        a.dec(ecx);
        a.jnz(next);
    }

    /// <summary>An access that may fault; the fault is logged and it goes on behind.</summary>
    private static void Access(GuestProgram p, Action emit)
    {
        Label after = p.Main.CreateLabel();
        p.OnTrapGoTo(after);
        emit();
        p.Main.Label(ref after);
        p.Main.nop();
    }

    /// <summary>Accessed bits may be set ahead of use: they are looked at only where the page was just read, or its entry refused that.</summary>
    private static void ReportBits(GuestProgram p, uint entry, uint bits)
    {
        p.Main.mov(eax, __dword_ptr[entry]);
        p.Main.mov(ebx, eax);
        p.Main.and(ebx, (int)Present);
        p.Main.neg(ebx);
        p.Main.and(eax, ebx);
        p.Main.and(eax, (int)bits);
        p.Report();
    }
}
