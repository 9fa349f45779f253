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
    private const int FillAround = 16;

    private readonly GuestPageTables _tables = new(cpu.State, memory);

    /// <summary>Pages filled so far.</summary>
    public long Fills { get; private set; }

    /// <summary>Settles a fault on a data access (and, in trap mode, a fetch).</summary>
    /// <param name="error">The guest's page-fault error code when it is the guest's fault.</param>
    public FillResult Fill(AddressSpace space, uint linear, AccessKind access, bool user, out uint error)
    {
        if (!cpu.TryTranslate(linear, access, user, out PageTranslation translation, out error))
        {
            return FillResult.GuestFault;
        }

        uint page = linear >> 12;
        ulong physicalFrame = translation.Physical >> 12;
        if (physicalFrame >= frames.Count || !CanMap(page))
        {
            return FillResult.Emulate;
        }

        uint frame = (uint)physicalFrame;
        bool isCode = frames.IsCode(frame);
        if (access == AccessKind.Write && isCode)
        {
            return FillResult.CodeWrite;
        }

        // CR0.WP = 0 lets the kernel write to read-only pages. One that is the user's too is then shown to the kernel alone, until the user
        // comes for it (without protection keys the user has a process of its own).
        bool overrides = access == AccessKind.Write && !translation.Writable;
        bool writable = overrides || (translation.Writable && translation.Dirty && !isCode);
        int index = (int)(page >> 9);
        RegionSource source = _tables.Locate(index);
        ShadowRegion region = space.Open(index, source);
        (uint first, uint count) = Extent(region, page, frame, writable, overrides ? 1 : FillAround);
        int key = translation.User && !overrides ? 0 : space.Stub.Features.KernelKey;
        space.MapRun(first, frame - (page - first), count, writable, executable && !translation.NoExecute, key);
        Remember(region, first, count);
        Fills += count;
        return FillResult.Filled;
    }

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

    /// <summary>Drops whatever the guest's page tables no longer say: what a CR3 load does to a TLB.</summary>
    public void Validate(AddressSpace space)
    {
        for (int i = space.ActiveRegions.Count - 1; i >= 0; i--)
        {
            int index = space.ActiveRegions[i];
            ShadowRegion region = space.Region(index)!;
            RegionSource source = _tables.Locate(index);
            if (source != region.Source)
            {
                space.DropRegion(index);
            }
            else if (source.Table != 0)
            {
                ValidateEntries(space, index, region);
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

    private void ValidateEntries(AddressSpace space, int index, ShadowRegion region)
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

        int size = region.Source.EntrySize;
        for (int i = 0; i < ShadowRegion.PageCount; i++)
        {
            if (region.Pages[i].Kind != ShadowKind.Absent && !now.Slice(i * size, size).SequenceEqual(then.Slice(i * size, size)))
            {
                space.Drop(((uint)index << 9) + (uint)i);
            }
        }

        now.CopyTo(then);
    }

    /// <summary>How far a fill may reach to both sides: contiguous frames, the same rights, nothing filled yet.</summary>
    private (uint First, uint Count) Extent(ShadowRegion region, uint page, uint frame, bool writable, int around)
    {
        bool hasTable = region.Source.Table != 0;
        int at = (int)(page & 511);
        ulong entry = hasTable ? _tables.Entry(region.Source, at) : 0;
        int reach = hasTable ? around : around == 1 ? 1 : ShadowRegion.PageCount;
        int last = at;
        while (last + 1 < ShadowRegion.PageCount && last + 1 - at < reach && Fits(last + 1))
        {
            last++;
        }

        int first = at;
        while (!hasTable && first > 0 && at - first < reach && Fits(first - 1) && (page >> 9 << 9) + (uint)(first - 1) >= lowestPage)
        {
            first--;
        }

        return ((page & ~511u) + (uint)first, (uint)(last - first + 1));

        bool Fits(int i)
        {
            long neighbour = frame + (i - at);
            if (region.Pages[i].Kind != ShadowKind.Absent || neighbour < 0 || neighbour >= frames.Count || (writable && frames.IsCode((uint)neighbour)))
            {
                return false;
            }

            if (!hasTable)
            {
                return true;
            }

            // The same entry but for the frame and the accessed bit, which is set ahead; a clean page must not be shown writable.
            ulong other = _tables.Entry(region.Source, i) | PageBits.Accessed;
            ulong ignored = writable ? 0ul : PageBits.Dirty;
            if (((other - ((ulong)(i - at) << 12)) & ~ignored) != ((entry | PageBits.Accessed) & ~ignored))
            {
                return false;
            }

            _tables.SetAccessed(region.Source, i);
            return true;
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
