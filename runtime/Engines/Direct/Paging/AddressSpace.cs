// One guest address space and the stub process that holds it: the mechanism of the shadow. What goes where is the pager's policy.
using Runtime.Abi;
using Runtime.Engines.Patched;

namespace Runtime.Engines.Direct.Paging;

/// <summary>
/// The shadow of one guest page directory. Changes are queued as system calls of the stub process and are in force when the guest
/// next runs in it.
/// </summary>
internal sealed class AddressSpace : IDisposable
{
    private const int SysMmap = 9, SysMprotect = 10, SysMunmap = 11, SysPkeyMprotect = 329;
    private const int ProtRead = 1, ProtWrite = 2, ProtExec = 4;
    private const int MapSharedFixed = 0x11, MapPopulate = 0x8000;

    private readonly ShadowRegion?[] _regions = new ShadowRegion?[2048];
    private readonly List<int> _active = [];
    private readonly FrameTable _frames;
    private readonly uint _windowBase;
    private uint _dataPage;
    private int _dataAccesses;
    private int _lastRegion = -1;

    public AddressSpace(SpaceKey key, StubProcess stub, FrameTable frames, uint windowBase)
    {
        Key = key;
        Stub = stub;
        _frames = frames;
        _windowBase = windowBase;
        stub.Word(StubLayout.WindowBase) = windowBase;
        stub.Word(StubLayout.RamFrames) = frames.Count;
        stub.Word(StubLayout.KernelPkru) = StubContext.Pkru(stub.Features, 0);
        MapWindow();
    }

    public SpaceKey Key
    {
        get;
        set => (field, IsCrowded) = (value, false);
    }

    /// <summary>It had more mappings than the host allows: what it is filled with ahead of use would only drive out what is used.</summary>
    public bool IsCrowded { get; set; }
    public StubProcess Stub { get; }

    /// <summary>The frame at the window's place for the GDT; none at first.</summary>
    public uint? GdtAliasFrame { get; private set; }

    /// <summary>The TLB epoch that the shadow was last compared in.</summary>
    public long ValidatedAt { get; set; }

    /// <summary>For choosing a space to give up.</summary>
    public long LastUsed { get; set; }

    /// <summary>An upper bound of the mappings that the host kernel keeps for the process.</summary>
    public int MappingCount { get; private set; }

    /// <summary>Indices of the regions with filled pages.</summary>
    public IReadOnlyList<int> ActiveRegions => _active;

    public ShadowRegion? Region(int index) => _regions[index];

    public ShadowPage Page(uint page) => _regions[page >> 9]?.Pages[page & 511] ?? default;

    /// <summary>The region's record, with <paramref name="source"/> as its origin; what it held from another origin is dropped.</summary>
    public ShadowRegion Open(int index, in RegionSource source)
    {
        ShadowRegion region = _regions[index] ??= new ShadowRegion();
        if (region.Filled > 0 && !region.Source.Shows(source))
        {
            DropRegion(index);
        }

        region.Source = source;
        return region;
    }

    /// <summary>Notes that a region is about to be filled as a whole.</summary>
    /// <returns>Whether that was so of its neighbour the last time: then the guest goes through memory from end to end, and will use all of the
    /// region. The host fills its page tables for 2 MiB at a sixth of what a fault for each page costs; a guest that came for a few pages would
    /// only wait for it.</returns>
    public bool GoesOnAt(int index)
    {
        bool goesOn = Math.Abs(index - _lastRegion) == 1;
        _lastRegion = index;
        return goesOn;
    }

    /// <summary>Shows a run of frames at a run of pages inside one region.</summary>
    /// <param name="populate">Whether the host is to fill its page tables now: for pages that are about to be used.</param>
    public void MapRun(in ShadowRun run, bool populate)
    {
        ulong protection = (ulong)(ProtRead | (run.IsWritable ? ProtWrite : 0) | (run.IsExecutable ? ProtExec : 0));
        ulong flags = MapSharedFixed | (populate ? MapPopulate : 0ul);
        ulong address = (ulong)run.Page << 12, length = (ulong)run.Count << 12;
        Stub.Queue(SysMmap, address, length, protection, flags, StubLayout.RamFd, (ulong)run.Frame << 12);
        if (run.IsKernel && Stub.Features.HasProtectionKeys)
        {
            Stub.Queue(SysPkeyMprotect, address, length, protection, (ulong)Stub.Features.KernelKey);
        }

        MappingCount++;
        for (uint i = 0; i < run.Count; i++)
        {
            Record(run.Page + i, run.Frame + i, run.IsWritable ? ShadowKind.Writable : ShadowKind.ReadOnly);
        }
    }

    /// <summary>Shows patched copies at pages in one region, by ascending page.</summary>
    public void MapCode(ReadOnlySpan<CodePage> codes)
    {
        for (int first = 0, end; first < codes.Length; first = end)
        {
            end = first + 1;
            while (end < codes.Length && codes[end].Key.Page == codes[end - 1].Key.Page + 1 && codes[end].Slot == codes[end - 1].Slot + 1)
            {
                end++;
            }

            MapCodeRun(codes[first..end]);
        }
    }

    /// <summary>Takes the write permission of a page away.</summary>
    public void Protect(uint page)
    {
        if (Page(page).Kind == ShadowKind.Writable)
        {
            Protect(new PageRun(page, 1));
        }
    }

    /// <summary>Takes the write permission of writable pages in one region away.</summary>
    public void Protect(PageRun run)
    {
        if (run.Count == 0)
        {
            return;
        }

        // mprotect keeps the pages' protection key.
        Stub.Queue(SysMprotect, (ulong)run.First << 12, (ulong)run.Count << 12, ProtRead);
        MappingCount += 2;
        foreach (ref ShadowPage shadow in _regions[run.First >> 9]!.Pages.AsSpan((int)(run.First & 511), (int)run.Count))
        {
            shadow.Kind = ShadowKind.ReadOnly;
        }
    }

    /// <summary>Notes a data access to a page that holds a patched copy.</summary>
    /// <returns>True when there were so many in a row that the page should be shown as data.</returns>
    public bool CountDataAccess(uint page)
    {
        const int patience = 16;
        _dataAccesses = page == _dataPage ? _dataAccesses + 1 : 1;
        _dataPage = page;
        return _dataAccesses % patience == 0;
    }

    public void Drop(uint page)
    {
        if (Page(page).Kind != ShadowKind.Absent)
        {
            Drop(new PageRun(page, 1));
        }
    }

    /// <summary>Takes filled pages in one region away.</summary>
    public void Drop(PageRun run)
    {
        if (run.Count == 0)
        {
            return;
        }

        Stub.Queue(SysMunmap, (ulong)run.First << 12, (ulong)run.Count << 12);
        MappingCount++;
        ShadowRegion region = _regions[run.First >> 9]!;
        for (uint page = run.First; page < run.First + run.Count; page++)
        {
            Forget(region, page);
        }
    }

    public void DropRegion(int index)
    {
        ShadowRegion region = _regions[index]!;
        Stub.Queue(SysMunmap, (ulong)index << 21, 1 << 21);
        ForgetAll(index, region);
    }

    /// <summary>Empties the space; the monitor window stays.</summary>
    public void Wipe()
    {
        ulong windowEnd = (ulong)_windowBase + MonitorWindow.Size;
        Stub.Queue(SysMunmap, 0, _windowBase);
        if (windowEnd < 1ul << 32)
        {
            Stub.Queue(SysMunmap, windowEnd, (1ul << 32) - windowEnd);
        }

        while (_active.Count > 0)
        {
            int index = _active[^1];
            ForgetAll(index, _regions[index]!);
        }

        MappingCount = 0;
    }

    /// <summary>Brings <see cref="MappingCount"/> down to what pages that are really there may take.</summary>
    public void CountMappings() => MappingCount = _active.Sum(index => _regions[index]!.CountRuns());

    public void Dispose()
    {
        while (_active.Count > 0)
        {
            int index = _active[^1];
            ForgetAll(index, _regions[index]!);
        }

        Stub.Dispose();
    }

    /// <summary>Pages in a row whose copies are in slots in a row.</summary>
    private void MapCodeRun(ReadOnlySpan<CodePage> codes)
    {
        ulong address = (ulong)codes[0].Key.Page << 12, length = (ulong)codes.Length << 12;
        long offset = StubLayout.CodeCacheFileOffset + ((long)codes[0].Slot << 12);
        Stub.Queue(SysMmap, address, length, ProtRead | ProtExec, MapSharedFixed | MapPopulate, StubLayout.ControlFd, (ulong)offset);
        if (Stub.Features.HasProtectionKeys)
        {
            Stub.Queue(SysPkeyMprotect, address, length, ProtRead | ProtExec, (ulong)Stub.Features.ExecuteOnlyKey);
        }

        MappingCount += 2;
        foreach (CodePage code in codes)
        {
            Record(code.Key.Page, code.Key.Frame, ShadowKind.Code);
            _regions[code.Key.Page >> 9]!.Pages[code.Key.Page & 511].Slot = (ushort)code.Slot;
        }
    }

    private void MapWindow()
    {
        const ulong readWrite = ProtRead | ProtWrite, execute = ProtRead | ProtExec;
        int kernel = Stub.Features.KernelKey, executeOnly = Stub.Features.ExecuteOnlyKey;
        Map(0, 4096, readWrite, kernel);
        Map(MonitorWindow.UserDataOffset, 4096, readWrite, 0);
        Map(MonitorWindow.GateOffset, 4096, execute, 0);
        Map(MonitorWindow.EnterOffset, MonitorWindow.SwitcherEnd - MonitorWindow.EnterOffset, execute, executeOnly);
        Map(MonitorWindow.SelectorTableOffset, MonitorWindow.SelectorTableSize, ProtRead, kernel);
        Map(MonitorWindow.TrampolineOffset, MonitorWindow.Size - MonitorWindow.TrampolineOffset, execute, executeOnly);

        void Map(uint offset, uint length, ulong protection, int key)
        {
            ulong address = (ulong)_windowBase + offset;
            Stub.Queue(SysMmap, address, length, protection, MapSharedFixed, StubLayout.ControlFd, (ulong)StubLayout.WindowFileOffset + offset);
            if (key != 0)
            {
                Stub.Queue(SysPkeyMprotect, address, length, protection, (ulong)key);
            }
        }
    }

    /// <summary>Shows a guest frame, read only and to the guest kernel only, at the window's place for the GDT.</summary>
    public void MapGdtAlias(uint frame)
    {
        if (GdtAliasFrame != frame)
        {
            GdtAliasFrame = frame;
            ulong address = (ulong)_windowBase + MonitorWindow.GdtAliasOffset;
            Stub.Queue(SysMmap, address, 4096, ProtRead, MapSharedFixed | MapPopulate, StubLayout.RamFd, (ulong)frame << 12);
            if (Stub.Features.HasProtectionKeys)
            {
                Stub.Queue(SysPkeyMprotect, address, 4096, ProtRead, (ulong)Stub.Features.KernelKey);
            }
        }
    }

    private void Record(uint page, uint frame, ShadowKind kind)
    {
        int index = (int)(page >> 9);
        ShadowRegion region = _regions[index]!;
        ref ShadowPage shadow = ref region.Pages[page & 511];
        if (shadow.Kind != ShadowKind.Absent && shadow.Frame == frame)
        {
            shadow.Kind = kind;
            return;
        }

        if (shadow.Kind != ShadowKind.Absent)
        {
            _frames.Remove(shadow.Frame, this, page);
        }
        else if (region.Filled++ == 0)
        {
            _active.Add(index);
        }

        shadow = new ShadowPage { Frame = frame, Kind = kind };
        _frames.Add(frame, this, page);
    }

    private void Forget(ShadowRegion region, uint page)
    {
        ref ShadowPage shadow = ref region.Pages[page & 511];
        _frames.Remove(shadow.Frame, this, page);
        shadow = default;
        if (--region.Filled == 0)
        {
            _active.Remove((int)(page >> 9));
        }
    }

    private void ForgetAll(int index, ShadowRegion region)
    {
        for (uint i = 0; i < ShadowRegion.PageCount && region.Filled > 0; i++)
        {
            if (region.Pages[i].Kind != ShadowKind.Absent)
            {
                Forget(region, ((uint)index << 9) + i);
            }
        }
    }
}
