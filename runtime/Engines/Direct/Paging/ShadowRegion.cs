namespace Runtime.Engines.Direct.Paging;

/// <summary>How a page of the guest's linear address space is present in a stub process.</summary>
internal enum ShadowKind : byte
{
    Absent,
    ReadOnly,
    Writable,

    /// <summary>A patched copy, execute-only where the host has protection keys.</summary>
    Code,
}

internal struct ShadowPage
{
    public uint Frame;

    /// <summary>For <see cref="ShadowKind.Code"/>: which patched copy.</summary>
    public ushort Slot;
    public ShadowKind Kind;
}

/// <summary>Pages in a row that show frames in a row with the same rights.</summary>
/// <param name="IsKernel">Only the guest's kernel may access them.</param>
internal readonly record struct ShadowRun(uint Page, uint Frame, uint Count, bool IsWritable, bool IsExecutable, bool IsKernel)
{
    /// <summary>Whether another run goes on where this one ends.</summary>
    public bool IsContinuedBy(in ShadowRun next) => next == this with { Page = Page + Count, Frame = Frame + Count, Count = next.Count };
}

/// <summary>Pages in a row.</summary>
internal record struct PageRun(uint First, uint Count)
{
    /// <summary>Takes the page that follows in.</summary>
    public bool TryExtend(uint page)
    {
        bool follows = Count > 0 && page == First + Count;
        Count += follows ? 1u : 0;
        return follows;
    }
}

/// <summary>Where the translations of a 2 MiB region come from.</summary>
/// <param name="Directory">Page-directory entry without its accessed bit; 0 without paging. Which page directory it is in does not matter: with PAE
/// a pointer to one has no rights, and under page-table isolation each process has the kernel's entries in pages of its own.</param>
/// <param name="Table">Guest-physical address of the region's first page-table entry; 0 for large pages and without paging.</param>
/// <param name="EntrySize">4, or 8 with PAE.</param>
internal readonly record struct RegionSource(ulong Directory, ulong Table, int EntrySize)
{
    /// <summary>Whether what was filled from here may stay when the translations come from <paramref name="now"/>: they are the same, but that a large
    /// page may have become dirty.</summary>
    public bool Shows(in RegionSource now) => this == now || (Table == 0 && this with { Directory = Directory | PageBits.Dirty } == now);

    /// <summary>Whether another page table is all that is different.</summary>
    public bool IsSameButForTable(in RegionSource now)
        => Table != 0 && now.Table != 0 && this with { Directory = 0, Table = 0 } == now with { Directory = 0, Table = 0 }
            && ((Directory ^ now.Directory) & GuestPageTables.RightsMask) == 0;
}

/// <summary>Shadow of 2 MiB of linear address space, with the copy of the guest's entries that it was filled from.</summary>
internal sealed class ShadowRegion
{
    public const int PageCount = 512;

    public readonly ShadowPage[] Pages = new ShadowPage[PageCount];

    /// <summary>The guest's entries as they were when pages were filled from them; entries of absent pages may be old.</summary>
    public readonly byte[] Snapshot = new byte[PageCount * 8];

    public RegionSource Source;

    /// <summary>Pages that are not absent.</summary>
    public int Filled;

    /// <summary>Runs of pages that the host can keep as one mapping, at most.</summary>
    public int CountRuns()
    {
        int runs = 0;
        ShadowPage before = default;
        foreach (ShadowPage page in Pages)
        {
            bool goesOn = page.Kind == before.Kind && page.Kind != ShadowKind.Code && page.Frame == before.Frame + 1;
            runs += page.Kind == ShadowKind.Absent || goesOn ? 0 : 1;
            before = page;
        }

        return runs;
    }

    /// <summary>The guest's entry that a page was filled from.</summary>
    public ulong Remembered(int index) => Source.EntrySize == 8
        ? BitConverter.ToUInt64(Snapshot, index * 8)
        : BitConverter.ToUInt32(Snapshot, index * 4);
}
