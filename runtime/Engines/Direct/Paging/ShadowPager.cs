// The policy of the shadow: treat it as a TLB. Fill on fault, drop on INVLPG, compare on CR3 load.
using Runtime.Abi;
using Runtime.Engines.Interpreter;
using Runtime.Memory;

namespace Runtime.Engines.Direct.Paging;

/// <summary>What a fault in a stub process means.</summary>
internal enum FillResult
{
    /// <summary>The page is there now: go on.</summary>
    Filled,

    /// <summary>The guest's own tables refuse the access.</summary>
    GuestFault,

    /// <summary>The access cannot be shown natively: no RAM there, a place the host does not let us map, a right that the host cannot express.</summary>
    Emulate,

    /// <summary>A store to a frame that has patched copies.</summary>
    CodeWrite,
}

/// <summary>Fills and validates address spaces from the guest's page tables.</summary>
/// <param name="executable">Whether data pages may be executed in place (trap mode), or only patched copies.</param>
/// <param name="lowestPage">First page that the host lets an ordinary process map (vm.mmap_min_addr).</param>
internal sealed class ShadowPager(Cpu cpu, GuestMemory memory, FrameTable frames, bool executable, uint lowestPage)
{
    /// <summary>A fill reaches to pages around the fault: a mapping costs a tenth of a fault.</summary>
    private const int FillBehind = 8, FillAhead = 16;

    private readonly GuestPageTables _tables = new(cpu.State, memory);
    private readonly PassingPages _passing = new();

    /// <summary>Set when the guest has been seen to clear an accessed bit in place: it samples them, so none is set ahead of use any more.</summary>
    private bool _sampledByGuest;

    /// <summary>Settles a fault on a data access (and, in trap mode, a fetch).</summary>
    /// <param name="error">The guest's page-fault error code when it is the guest's fault.</param>
    public FillResult Fill(AddressSpace space, uint linear, AccessKind access, bool user, out uint error)
    {
        if (!cpu.TryTranslate(linear, access, user, out PageTranslation translation, out error))
        {
            return FillResult.GuestFault;
        }

        uint page = linear >> 12;
        if (translation.Physical >> 12 >= frames.Count || !CanMap(page))
        {
            return FillResult.Emulate;
        }

        bool isCode = frames.IsCode((uint)(translation.Physical >> 12));
        if (access == AccessKind.Write && isCode)
        {
            return FillResult.CodeWrite;
        }

        int index = (int)(page >> 9);
        RegionSource source = _tables.Locate(index);
        ShadowRegion region = space.Open(index, source);
        ShadowRun run = Run(page, translation);
        if (access == AccessKind.Write && !translation.Writable)
        {
            // CR0.WP = 0 lets the kernel write to read-only pages. One that is the user's too is then shown to the kernel alone, until the user
            // comes for it (without protection keys the user has a process of its own).
            Map(space, region, run with { IsWritable = true, IsKernel = true }, populate: true);
        }
        else if (source.Table == 0)
        {
            ShadowRun wide = WidenWithoutTable(region, run);
            Map(space, region, wide, populate: space.GoesOnAt(index) && memory.IsResident(wide.Frame, (int)wide.Count));
        }
        else
        {
            FillAround(space, region, run);
        }

        return FillResult.Filled;
    }

    /// <summary>INVLPG: what is shown at the page must be what the guest's entry says now.</summary>
    public void Invalidate(AddressSpace space, uint page)
    {
        ShadowKind kind = space.Page(page).Kind;
        RegionSource source = _tables.Locate((int)(page >> 9));
        if (source.Table != 0 && (_tables.Entry(source, (int)(page & 511)) & PageBits.Present) == 0)
        {
            _passing.Unmapped(page);
        }

        if (kind == ShadowKind.Absent)
        {
            return;
        }

        ShadowRegion region = space.Region((int)(page >> 9))!;
        if (source.Table == 0 || region.Source.Table == 0)
        {
            // A large page has one entry, and its translations go together.
            space.DropRegion((int)(page >> 9));
            return;
        }

        if (source == region.Source)
        {
            int at = (int)(page & 511);
            ulong now = _tables.Entry(source, at);
            switch (Change(region, at, now))
            {
                case EntryChange.None:
                    Remember(region, page, 1);
                    return;
                case EntryChange.Aged:
                    _sampledByGuest = true;
                    break;
                case EntryChange.Other when kind != ShadowKind.Code && (now & PageBits.Accessed) != 0 && TryRun(page, out ShadowRun run):
                    Map(space, region, run, populate: true);
                    return;
            }
        }

        space.Drop(page);
    }

    /// <summary>Whether a page that is not shown is likely to be unmapped as soon as one instruction has used it. Asked once for each time.</summary>
    public bool IsPassing(AddressSpace space, uint page) => space.Page(page).Kind == ShadowKind.Absent && _passing.TryTake(page);

    /// <summary>Whether the host lets us map a page at all.</summary>
    public bool CanMap(uint page) => page >= lowestPage;

    public ReadOnlySpan<byte> FrameBytes(uint frame) => memory.FrameBytes(frame);

    /// <summary>Whether the guest's page tables show RAM anywhere in a range of whole 2 MiB regions.</summary>
    public bool UsesRam(uint linear, uint length)
    {
        for (uint region = linear >> 21; region < (linear >> 21) + (length >> 21); region++)
        {
            RegionSource source = _tables.Locate((int)region);
            if ((source.Directory & PageBits.Present) != 0 && UsesRam(source))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Notes what a page that was filled by other means (a patched copy) was filled from.</summary>
    public void Open(AddressSpace space, uint page) => space.Open((int)(page >> 9), _tables.Locate((int)(page >> 9)));

    /// <summary>See <see cref="Open"/>; after the page was mapped.</summary>
    public void Remember(AddressSpace space, uint page) => Remember(space.Region((int)(page >> 9))!, page, 1);

    /// <summary>Whether a space's page directory is no more: none of the user's page tables that the space was filled from is in it.</summary>
    public bool IsAbandoned(AddressSpace space)
    {
        bool hadUser = false;
        foreach (int index in space.ActiveRegions)
        {
            RegionSource source = space.Region(index)!.Source;
            if ((source.Directory & PageBits.User) != 0)
            {
                hadUser = true;
                if (source.Shows(_tables.Locate(index, space.Key.Root)))
                {
                    return false;
                }
            }
        }

        return hadUser;
    }

    /// <summary>Drops whatever the guest's page tables no longer say: what a CR3 load does to a TLB.</summary>
    /// <param name="isReload">The guest ran in this very space last.</param>
    public void Validate(AddressSpace space, bool isReload)
    {
        for (int i = space.ActiveRegions.Count - 1; i >= 0; i--)
        {
            int index = space.ActiveRegions[i];
            ShadowRegion region = space.Region(index)!;
            RegionSource source = _tables.Locate(index);
            if (region.Source.Shows(source))
            {
                region.Source = source;
                if (source.Table != 0)
                {
                    ValidateEntries(space, index, region, isSameTable: true, isReload);
                }
            }
            else if (region.Source.IsSameButForTable(source))
            {
                // As after fork: most of the entries are the same.
                region.Source = source;
                ValidateEntries(space, index, region, isSameTable: false, isReload: false);
            }
            else
            {
                space.DropRegion(index);
            }
        }
    }

    private bool UsesRam(in RegionSource source)
    {
        const ulong addressMask = 0xF_FFFF_F000;
        if (source.Table == 0)
        {
            return (source.Directory & addressMask & ~0x1F_FFFFul) < memory.Length;
        }

        for (int i = 0; i < ShadowRegion.PageCount; i++)
        {
            ulong entry = _tables.Entry(source, i);
            if ((entry & PageBits.Present) != 0 && (entry & addressMask) < memory.Length)
            {
                return true;
            }
        }

        return false;
    }

    private void ValidateEntries(AddressSpace space, int index, ShadowRegion region, bool isSameTable, bool isReload)
    {
        ReadOnlySpan<byte> now = _tables.Entries(region.Source);
        Span<byte> then = region.Snapshot.AsSpan(0, ShadowRegion.PageCount * region.Source.EntrySize);
        if (now.IsEmpty)
        {
            space.DropRegion(index);
            return;
        }

        if (now.SequenceEqual(then))
        {
            return;
        }

        const int stride = 32;
        int size = region.Source.EntrySize;
        for (int first = 0; first < ShadowRegion.PageCount; first += stride)
        {
            int at = first * size, length = stride * size;
            if (!now.Slice(at, length).SequenceEqual(then.Slice(at, length)))
            {
                ValidateSome(space, region, (uint)index << 9, first..(first + stride), isSameTable, isReload);
            }
        }

        now.CopyTo(then);
    }

    private void ValidateSome(AddressSpace space, ShadowRegion region, uint regionPage, Range entries, bool isSameTable, bool isReload)
    {
        PageRun dropped = default, guarded = default;
        for (int i = entries.Start.Value; i < entries.End.Value; i++)
        {
            ShadowKind kind = region.Pages[i].Kind;
            if (kind == ShadowKind.Absent)
            {
                continue;
            }

            ulong now = _tables.Entry(region.Source, i);
            EntryChange change = Change(region, i, now);
            if (change == EntryChange.Aged && !isSameTable && !_sampledByGuest)
            {
                _tables.SetAccessed(region.Source, i);
                change = Change(region, i, now | PageBits.Accessed);
            }

            uint page = regionPage + (uint)i;
            switch (change)
            {
                case EntryChange.None:
                    break;
                case EntryChange.Protected:
                    if (kind == ShadowKind.Writable && !guarded.TryExtend(page))
                    {
                        space.Protect(guarded);
                        guarded = new PageRun(page, 1);
                    }

                    break;
                default:
                    _sampledByGuest |= change == EntryChange.Aged && isReload;
                    if (!dropped.TryExtend(page))
                    {
                        space.Drop(dropped);
                        dropped = new PageRun(page, 1);
                    }

                    break;
            }
        }

        space.Protect(guarded);
        space.Drop(dropped);
    }

    private EntryChange Change(ShadowRegion region, int index, ulong now)
        => EntryChanges.Classify(region.Remembered(index), now, (cpu.State.Cr0 & ControlRegisters.Cr0Wp) != 0);

    /// <summary>Fills the page of a run, and pages around it that are present and absent from the shadow. Accessed bits are set ahead, as a processor
    /// may do when it prefetches; dirty bits are not: a clean page is shown read-only.</summary>
    private void FillAround(AddressSpace space, ShadowRegion region, in ShadowRun wanted)
    {
        int at = (int)(wanted.Page & 511);
        (int behind, int ahead) = space.IsCrowded ? (0, 0) : (FillBehind, FillAhead);
        int last = Math.Min(at + ahead, ShadowRegion.PageCount - 1);
        ShadowRun run = default;
        bool holdsWanted = false;
        for (int i = Math.Max(at - behind, 0); i <= last; i++)
        {
            ShadowRun next = wanted;
            if (i != at && !TryNeighbour(region, wanted.Page - (uint)at, i, out next))
            {
                continue;
            }

            if (run.Count > 0 && run.IsContinuedBy(next))
            {
                run = run with { Count = run.Count + 1 };
            }
            else
            {
                Map(space, region, run, holdsWanted);
                (run, holdsWanted) = (next, false);
            }

            holdsWanted |= i == at;
        }

        Map(space, region, run, holdsWanted);
    }

    private bool TryNeighbour(ShadowRegion region, uint regionPage, int index, out ShadowRun run)
    {
        run = default;
        if (region.Pages[index].Kind != ShadowKind.Absent)
        {
            return false;
        }

        return (_tables.Entry(region.Source, index) & PageBits.Present) != 0
            && TryRun(regionPage + (uint)index, out run) && TryUseAhead(region, index);
    }

    /// <summary>Whether a page that is present may be shown ahead of use. Sets its accessed bit.</summary>
    public bool TryUseAhead(AddressSpace space, uint page) => TryUseAhead(space.Region((int)(page >> 9))!, (int)(page & 511));

    private bool TryUseAhead(ShadowRegion region, int index)
    {
        bool isAccessed = region.Source.Table == 0 || (_tables.Entry(region.Source, index) & PageBits.Accessed) != 0;
        if (!isAccessed && !_sampledByGuest)
        {
            _tables.SetAccessed(region.Source, index);
            isAccessed = true;
        }

        return isAccessed;
    }

    /// <summary>What the guest's tables say of a page, if the shadow can show it; nothing is set in them.</summary>
    private bool TryRun(uint page, out ShadowRun run)
    {
        run = default;
        if (!CanMap(page) || !cpu.TryTranslate(page << 12, AccessKind.Read, false, false, out PageTranslation translation, out _)
            || translation.Physical >> 12 >= frames.Count)
        {
            return false;
        }

        run = Run(page, translation);
        return true;
    }

    private ShadowRun Run(uint page, in PageTranslation translation)
    {
        uint frame = (uint)(translation.Physical >> 12);
        bool isWritable = translation.Writable && translation.Dirty && !frames.IsCode(frame);
        return new ShadowRun(page, frame, 1, isWritable, executable && !translation.NoExecute, !translation.User);
    }

    /// <summary>Without a page table frames go on alike to both sides, up to what is filled already or must be shown otherwise.</summary>
    private ShadowRun WidenWithoutTable(ShadowRegion region, in ShadowRun wanted)
    {
        uint page = wanted.Page, frame = wanted.Frame, regionPage = page & ~511u;
        bool isWritable = wanted.IsWritable;
        uint last = page;
        while (last + 1 < regionPage + ShadowRegion.PageCount && Fits(last + 1))
        {
            last++;
        }

        uint first = page;
        while (first > regionPage && first - 1 >= lowestPage && Fits(first - 1))
        {
            first--;
        }

        return wanted with { Page = first, Frame = frame - (page - first), Count = last - first + 1 };

        bool Fits(uint other)
        {
            long neighbour = (long)frame + other - page;
            ShadowKind kind = region.Pages[other & 511].Kind;
            return neighbour >= 0 && neighbour < frames.Count && (kind == ShadowKind.Absent || (isWritable && kind == ShadowKind.ReadOnly))
                && !(isWritable && frames.IsCode((uint)neighbour));
        }
    }

    private void Map(AddressSpace space, ShadowRegion region, in ShadowRun run, bool populate)
    {
        if (run.Count > 0)
        {
            space.MapRun(run, populate);
            Remember(region, run.Page, run.Count);
        }
    }

    private void Remember(ShadowRegion region, uint first, uint count)
    {
        if (region.Source.Table == 0)
        {
            return;
        }

        int size = region.Source.EntrySize;
        int at = (int)(first & 511) * size, length = (int)count * size;
        _tables.Entries(region.Source).Slice(at, length).CopyTo(region.Snapshot.AsSpan(at));
    }
}
