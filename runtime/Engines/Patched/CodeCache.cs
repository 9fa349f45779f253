// All patched copies of a guest, the sites in them, and their trampolines in the monitor window.
using Rewriter.Patching;
using Rewriter.Scanning;
using Rewriter.Shims;
using Runtime.Abi;
using Runtime.Memory;

namespace Runtime.Engines.Patched;

/// <summary>A sensitive instruction in a patched copy.</summary>
internal sealed class CodeSite(CodePage page, SensitiveInstruction instruction)
{
    public CodePage Page => page;
    public uint Address => (uint)instruction.Address;
    public SensitiveInstruction Instruction => instruction;

    public PatchTactic Tactic { get; set; } = PatchTactic.Trap;

    /// <summary>Where its exits are accounted for, or -1 as long as there were none (<see cref="HotSites.IndexOf"/>).</summary>
    public int Account { get; set; } = -1;

    /// <summary>Not sensitive: it was taken over because it accesses devices (<see cref="CodeCache.TryTakeOver"/>).</summary>
    public bool IsDeviceAccess => page.DeviceAccesses.Contains((int)(Address & 0xFFF));

    /// <summary>How often one was performed that met no device after all, less how often one did.</summary>
    public int Strays { get; set; }

    /// <summary>Its index is that of the image's plan.</summary>
    public bool IsFromImage { get; init; }

    /// <summary>Whether the run loop is to perform the site, and by which index of the image's plan: a replaced function has its own
    /// wherever it was patched.</summary>
    public bool IsReturned(ReturnedSites returned, uint index, out uint planIndex)
    {
        if (returned.TryFindFunction(Address, out planIndex))
        {
            return true;
        }

        planIndex = index;
        return IsFromImage && returned.Contains(index);
    }
}

/// <summary>Makes, finds and drops patched copies. It knows nothing of how they are mapped.</summary>
internal sealed class CodeCache
{
    private readonly ICodeStorage _storage;
    private readonly GuestMemory _memory;
    private readonly byte[] _codeFlags;
    private readonly ExecutionMode _mode;
    private readonly CodeScanner _scanner;
    private readonly ShimCatalog _kernelShims;
    private readonly ShimCatalog _userShims = new(userMode: true);
    private readonly Dictionary<CodePageKey, CodePage> _pages = [];
    private readonly Dictionary<uint, List<CodePage>> _byFrame = [];
    private readonly SlotAllocator _slots;
    private readonly CodePage?[] _bySlot;
    private readonly List<CodeSite?> _sites = [];
    private readonly List<SensitiveInstruction> _found = [];
    private readonly HashSet<uint> _left;
    private WindowAllocator _window;
    private ImagePlan? _plan;

    /// <param name="codeFlags">One byte per frame; not zero for a frame with copies.</param>
    /// <param name="plan">The patches of a rewritten image, made for a window at <paramref name="windowBase"/>.</param>
    /// <param name="returned">Knows the functions that shims stand in for.</param>
    /// <param name="image">The plan of a rewritten image, for the sites that it wants left.</param>
    public CodeCache(ICodeStorage storage, GuestMemory memory, byte[] codeFlags, ExecutionMode mode, uint windowBase, ImagePlan? plan,
        ReturnedSites returned, PatchPlan? image)
    {
        _left = [.. (image?.Sites ?? []).Where(site => site.IsLeftByPolicy).Select(site => (uint)site.Site.Address)];
        _kernelShims = new ShimCatalog(isReplaced: address => returned.TryFindFunction(address, out _));
        _storage = storage;
        _memory = memory;
        _codeFlags = codeFlags;
        _slots = new SlotAllocator(storage.PageCount);
        _bySlot = new CodePage?[storage.PageCount];
        _mode = mode;
        // Para has an inline shim for kernel code; a user's would have to leave by the gate.
        _scanner = new CodeScanner(returned) { NativeTimeStamps = mode == ExecutionMode.Para ? NativeTimeStamps.InUserMode : NativeTimeStamps.Everywhere };
        _window = new WindowAllocator(windowBase);
        _plan = plan;
        plan?.Reserve(_window);
        _sites.AddRange(new CodeSite?[plan?.SiteCount ?? 0]);
    }

    public TrampolineIndex Trampolines { get; } = new();

    /// <summary>Where words of the guest's memory are mirrored in the window.</summary>
    public Func<uint, uint?>? Mirrors { get; set; }

    /// <summary>Raised when the last copy of a frame is gone: stores to it are not seen from now on.</summary>
    public event Action? FrameReleased;

    /// <summary>Raised when trampolines are given back: addresses in them lead nowhere from now on.</summary>
    public event Action? PatchesTakenBack;

    /// <summary>The site with an index that a gate named; null for an index that nobody gave out.</summary>
    public CodeSite? Site(uint index) => index < (uint)_sites.Count ? _sites[(int)index] : null;

    /// <summary>The copy in a slot of the cache.</summary>
    public CodePage? InSlot(int slot) => _bySlot[slot];

    /// <summary>The patched copy for a key, if there is one.</summary>
    public CodePage? Find(CodePageKey key) => _pages.GetValueOrDefault(key);

    /// <summary>The patched copy for a key, made of traps only when it is new; null when the cache is full.</summary>
    public CodePage? GetOrAdd(CodePageKey key)
    {
        if (_pages.TryGetValue(key, out CodePage? page))
        {
            return page;
        }

        if (!_slots.TryTake(key, out int slot))
        {
            return null;
        }

        page = new CodePage(key, slot, _memory.FrameBytes(key.Frame).ToArray(), _storage.Page(slot), _storage.TrapsUnknown) { Mirrors = Mirrors };
        page.Hide(0, CodePage.Size);
        _pages.Add(key, page);
        _bySlot[slot] = page;
        if (!_byFrame.TryGetValue(key.Frame, out List<CodePage>? siblings))
        {
            _byFrame.Add(key.Frame, siblings = []);
        }

        siblings.Add(page);
        _codeFlags[key.Frame] = 1;
        return page;
    }

    /// <summary>Scans from an address in the page, and patches what the scan finds.</summary>
    public void Scan(CodePage page, int offset, NextPage next)
    {
        _found.Clear();
        _scanner.Scan(page, offset, next, _found);
        _found.RemoveAll(site => IsLeft(page, site));
        if (_found.Count == 0)
        {
            return;
        }

        AdoptFromImage(page, _found);
        Plan(page, _found);
        if (_mode == ExecutionMode.Para)
        {
            Improve(page);
        }
    }

    /// <summary>A site that the image's policy leaves alone: what does not trap by itself runs as it is.</summary>
    private bool IsLeft(CodePage page, SensitiveInstruction site)
    {
        if (page.Key.IsUser || !_left.Contains((uint)site.Address))
        {
            return false;
        }

        if (site.Class != SensitivityClass.Trapping)
        {
            page.Reveal((int)(site.Address & 0xFFF), site.Code.Length);
        }

        return true;
    }

    /// <summary>Something jumped into the middle of a patch again and again: plans its sites anew, now that the target is known. Where there is
    /// no other way for them, the branches that do it are made to lead to the trampoline.</summary>
    public void Replan(LivePatch live)
    {
        CodePage page = live.Owner;
        LivePatch[] before = [.. page.Patches];
        _found.Clear();
        Unpatch(live, _found);
        Plan(page, _found);
        foreach (LivePatch planned in page.Patches.Except(before, ReferenceEqualityComparer.Instance).Cast<LivePatch>())
        {
            planned.IsSecondPlan = true;
            page.Redirect(planned);
        }
    }

    /// <summary>Makes a site of an instruction that accesses devices again and again: to ask the monitor costs a fraction of a fault.</summary>
    /// <param name="address">In kernel code.</param>
    /// <returns>False when there is no room for a jump: it stays as it was.</returns>
    public bool TryTakeOver(CodePage page, uint address)
    {
        int offset = (int)(address & 0xFFF);
        if (_mode != ExecutionMode.Para || page.Key.IsUser || page.Sites.ContainsKey(offset)
            || !page.TryGetInstruction(address, out Iced.Intel.Instruction instruction) || !DeviceInstruction.MayBeSite(instruction)
            || offset + instruction.Length > CodePage.Size)
        {
            return false;
        }

        _found.Clear();
        if (page.PatchAt(offset) is LivePatch live)
        {
            if (live.IsFromImage)
            {
                return false;
            }

            Unpatch(live, _found);
        }

        var site = new SensitiveInstruction(
            instruction, page.Original.AsMemory(offset, instruction.Length), SensitivityClass.Trapping, SiteConfidence.High, "", null);
        _found.Add(site);
        page.DeviceAccesses.Add(offset);
        Plan(page, _found);
        bool isTaken = _sites[page.Sites[offset]]!.Tactic != PatchTactic.Trap;
        if (!isTaken)
        {
            Leave(page, offset);
        }

        return isTaken;
    }

    /// <summary>Takes back a <see cref="TryTakeOver"/>: the instruction executes natively again.</summary>
    public void GiveBack(CodeSite site)
    {
        int offset = (int)(site.Address & 0xFFF);
        _found.Clear();
        if (site.Page.PatchAt(offset) is LivePatch live)
        {
            Unpatch(live, _found);
        }

        _found.Remove(site.Instruction);
        Leave(site.Page, offset);
        site.Page.Reveal(offset, site.Instruction.Code.Length);
        Plan(site.Page, _found);
    }

    private void Leave(CodePage page, int offset)
    {
        page.DeviceAccesses.Remove(offset);
        if (page.Sites.Remove(offset, out int index))
        {
            _sites[index] = null;
        }
    }

    /// <summary>The copies of a frame.</summary>
    public IReadOnlyList<CodePage> OfFrame(uint frame) => _byFrame.TryGetValue(frame, out List<CodePage>? pages) ? pages : [];

    /// <summary>Forgets a copy. It must not be mapped any more. An instruction that ends in it is not known any more either.</summary>
    public void Remove(CodePage page)
    {
        foreach (CodePage before in _pages.Values)
        {
            if (before.Key.Page == page.Key.Page - 1 && before.CrossingOffset >= 0 && before.CrossingFrame == page.Key.Frame)
            {
                before.ForgetCrossing();
            }
        }

        if (page.Patches.Count > 0)
        {
            PatchesTakenBack?.Invoke();
        }

        foreach (LivePatch live in page.Patches)
        {
            Trampolines.Remove(live);
            ReturnRoom(live);
        }

        foreach (int site in page.Sites.Values)
        {
            _sites[site] = null;
        }

        _pages.Remove(page.Key);
        _bySlot[page.Slot] = null;
        _slots.Return(page.Slot);
        List<CodePage> siblings = _byFrame[page.Key.Frame];
        siblings.Remove(page);
        if (siblings.Count == 0)
        {
            _byFrame.Remove(page.Key.Frame);
            _codeFlags[page.Key.Frame] = 0;
            FrameReleased?.Invoke();
        }
    }

    public IReadOnlyCollection<CodePage> All => _pages.Values;

    /// <summary>Makes FPU instructions trap or not, in all copies (CR0.TS, CR0.EM).</summary>
    public void SetFpuTraps(bool traps)
    {
        if (_scanner.FpuTraps == traps)
        {
            return;
        }

        _scanner.FpuTraps = traps;
        foreach (CodePage page in _pages.Values)
        {
            SetTraps(page, page.FpuInstructions, traps);
        }
    }

    /// <summary>Gives no RDTSC a shim, so that <see cref="SetTimeStampTraps"/> is about all of them. Before anything is scanned.</summary>
    public void LeaveTimeStamps() => _scanner.NativeTimeStamps = NativeTimeStamps.Everywhere;

    /// <summary>Makes RDTSC trap or not where it has no shim, in all copies (an offset of the guest's counter, CR4.TSD).</summary>
    public void SetTimeStampTraps(bool traps)
    {
        if (_scanner.TimeStampTraps == traps)
        {
            return;
        }

        _scanner.TimeStampTraps = traps;
        foreach (CodePage page in _pages.Values)
        {
            SetTraps(page, page.TimeStampReads, traps);
        }
    }

    private static void SetTraps(CodePage page, List<(int Offset, int Length)> instructions, bool traps)
    {
        foreach ((int offset, int length) in instructions)
        {
            if (traps)
            {
                page.Hide(offset, 1);
            }
            else
            {
                page.Reveal(offset, length);
            }
        }
    }

    /// <summary>Moves the trampolines to a new, empty window. All copies must have been removed. What came with the image was made for
    /// the old place.</summary>
    public void MoveWindow(uint windowBase)
    {
        _plan = null;
        Trampolines.Clear();
        _window = new WindowAllocator(windowBase);
    }

    /// <summary>Sites just found that are left to a trap may only be short of room because a neighbour was patched before they were known:
    /// takes those patches back and plans all of them together, once.</summary>
    private void Improve(CodePage page)
    {
        int[] cramped = [.. _found.Select(site => (int)(site.Address & 0xFFF)).Where(offset => _sites[page.Sites[offset]]!.Tactic == PatchTactic.Trap)];
        LivePatch[] neighbours = [.. page.Patches.Where(live => !live.IsFromImage && cramped.Any(offset => IsNear(live, page.Address + (uint)offset)))];
        if (cramped.Length == 0 || neighbours.Length == 0)
        {
            return;
        }

        _found.RemoveAll(site => !cramped.Contains((int)(site.Address & 0xFFF)));
        foreach (LivePatch live in neighbours)
        {
            Unpatch(live, _found);
        }

        Plan(page, _found);
    }

    private static bool IsNear(LivePatch live, uint address)
    {
        const int reach = 24;
        return address + reach > live.Patch.Address && address < live.Patch.Address + (uint)live.Patch.NewBytes.Length + reach;
    }

    /// <summary>Takes a patch back.</summary>
    /// <param name="sites">Receives its sites.</param>
    private void Unpatch(LivePatch live, List<SensitiveInstruction> sites)
    {
        CodePage page = live.Owner;
        if (!page.Patches.Contains(live))
        {
            return;
        }

        PatchesTakenBack?.Invoke();
        int first = (int)(live.Patch.Address - page.Address), end = first + live.Patch.NewBytes.Length;
        page.Remove(live);
        Trampolines.Remove(live);
        if (!live.IsFromImage)
        {
            ReturnRoom(live);
        }

        foreach ((int offset, int index) in page.Sites)
        {
            SensitiveInstruction site = _sites[index]!.Instruction;
            if (offset >= first && offset < end && !sites.Contains(site))
            {
                sites.Add(site);
            }
        }

        // A short jump and the patch that it lands in go together.
        page.Patches.FindAll(other => other.LandsIn(live) || live.LandsIn(other)).ForEach(other => Unpatch(other, sites));
    }

    /// <summary>Applies the patches that came with the image for sites of a page.</summary>
    /// <param name="sites">Loses those that are served now.</param>
    private void AdoptFromImage(CodePage page, List<SensitiveInstruction> sites)
    {
        if (_plan is not ImagePlan plan)
        {
            return;
        }

        foreach (SensitiveInstruction found in sites.ToArray())
        {
            if (!plan.TryClaim(page, (uint)found.Address, out Patch patch, out IReadOnlyList<PlannedSite> served))
            {
                continue;
            }

            foreach (PlannedSite site in served)
            {
                Enter(new CodeSite(page, site.Site) { Tactic = site.Tactic, IsFromImage = true }, site.Index);
                sites.RemoveAll(other => other.Address == site.Site.Address);
            }

            Apply(new LivePatch(page, patch, IsFromImage: true));
        }
    }

    /// <summary>Gives sites of a page their indices and, in para mode, their patches.</summary>
    private void Plan(CodePage page, List<SensitiveInstruction> sites)
    {
        sites.Sort((left, right) => left.Address.CompareTo(right.Address));
        int first = _sites.Count;
        foreach (SensitiveInstruction instruction in sites)
        {
            _sites.Add(null);
            Enter(new CodeSite(page, instruction), _sites.Count - 1);
        }

        if (_mode != ExecutionMode.Para)
        {
            return;
        }

        ShimCatalog shims = page.Key.IsUser ? _userShims : _kernelShims;
        var options = new PlannerOptions { UserMode = page.Key.IsUser, AllowShortJumps = _storage.TrapsUnknown, MayLandInPadding = false };
        PatchPlan plan = new PatchPlanner(_mode, _window, shims, options).Plan(page, sites, first);
        foreach (Patch patch in plan.Patches)
        {
            if (patch.Tactic != PatchTactic.Trap)
            {
                Apply(new LivePatch(page, patch));
            }
        }

        foreach (PlannedSite site in plan.Sites)
        {
            _sites[site.Index]!.Tactic = site.Tactic;
        }
    }

    /// <summary>Puts a site into the table, in place of what was known at its address.</summary>
    private void Enter(CodeSite site, int index)
    {
        CodePage page = site.Page;
        int offset = (int)(site.Address & 0xFFF);
        if (page.Sites.TryGetValue(offset, out int old))
        {
            _sites[old] = null;
        }

        page.Sites[offset] = index;
        _sites[index] = site;
    }

    private void ReturnRoom(LivePatch live)
    {
        if (live.IsFromImage)
        {
            _plan?.Return(live.Patch);
        }
        else if (live.HasTrampoline)
        {
            _window.Free(live.Patch.TrampolineAddress, live.Patch.Trampoline.Length);
        }
    }

    private void Apply(LivePatch live)
    {
        Patch patch = live.Patch;
        if (!live.HasTrampoline)
        {
            live.Owner.Apply(live);
            return;
        }

        if (KeyInstructions.AreIn(patch.Trampoline.Span))
        {
            // What is displaced has other displacements there, which nobody chose. The sites stay traps.
            ReturnRoom(live);
            return;
        }

        patch.Trampoline.Span.CopyTo(_storage.Window(patch.TrampolineAddress - _window.WindowBase, patch.Trampoline.Length));
        live.Owner.Apply(live);
        Trampolines.Add(live);
    }
}
