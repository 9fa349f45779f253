// A rewritten image brings its patches along: where the guest executes a page that they were made for, they are used as they are.
using Iced.Intel;
using Rewriter.Patching;
using Runtime.Abi;

namespace Runtime.Engines.Patched;

/// <summary>
/// The patches of a rewritten image, looked up by the sites that they serve. The plan is data from a file: a patch is used only where the
/// page holds its original bytes, and what it then does it does to the guest alone.
/// </summary>
internal sealed class ImagePlan
{
    /// <summary>Windows below would lie among the addresses that kernels use for themselves.</summary>
    private const uint LowestWindow = 0x1000_0000;

    private readonly Dictionary<uint, Entry> _bySite = [];
    private readonly Dictionary<uint, Entry> _byPatch = [];

    private ImagePlan(PatchPlan plan)
    {
        WindowBase = plan.WindowBase;
        SiteCount = plan.Sites.Count;
        int next = 0;
        foreach (Patch patch in plan.Patches.Where(IsUsable))
        {
            while (next < plan.Sites.Count && plan.Sites[next].Site.Address < patch.Address)
            {
                next++;
            }

            int first = next;
            while (next < plan.Sites.Count && plan.Sites[next].Site.Address - patch.Address < (ulong)patch.NewBytes.Length)
            {
                next++;
            }

            PlannedSite[] sites = [.. plan.Sites.Skip(first).Take(next - first).Where(site => site.Tactic != PatchTactic.Leave)];
            if (sites.Length > 0)
            {
                var entry = new Entry(patch, sites);
                _byPatch.Add(patch.Address, entry);
                Array.ForEach(sites, site => _bySite.TryAdd((uint)site.Site.Address, entry));
            }
        }
    }

    /// <summary>The window that the trampolines were assembled for.</summary>
    public uint WindowBase { get; }

    /// <summary>Site indices below this belong to the plan: its trampolines name them to the gate.</summary>
    public int SiteCount { get; }

    /// <summary>The plan as patches for a guest with so much RAM, or null where none of it can be used.</summary>
    public static ImagePlan? For(PatchPlan? plan, ExecutionMode mode, ulong memoryLength)
        => plan is { Mode: ExecutionMode.Para } && mode == ExecutionMode.Para && plan.WindowBase is >= LowestWindow and <= MonitorWindow.DefaultBase
            && plan.WindowBase >= memoryLength ? new ImagePlan(plan) : null;

    /// <summary>Takes the trampolines' places out of a window.</summary>
    public void Reserve(WindowAllocator window)
    {
        foreach (Entry entry in _byPatch.Values)
        {
            window.Reserve(entry.Patch.TrampolineAddress, entry.Patch.Trampoline.Length);
        }
    }

    /// <summary>Finds the unused patch that serves a site of a page, if it fits what the page holds and what is known of it.</summary>
    public bool TryClaim(CodePage page, uint site, out Patch patch, out IReadOnlyList<PlannedSite> sites)
    {
        if (!page.Key.IsUser && _bySite.TryGetValue(site, out Entry? entry) && !entry.IsTaken && Fits(page, entry))
        {
            entry.IsTaken = true;
            (patch, sites) = (entry.Patch, entry.Sites);
            return true;
        }

        (patch, sites) = (null!, []);
        return false;
    }

    /// <summary>The page that used a patch is gone; another may use it.</summary>
    public void Return(Patch patch) => _byPatch[patch.Address].IsTaken = false;

    // Jumps by way of another patch are planned anew at run time, where most padding is not known to be that; nor are patches on two pages used.
    private static bool IsUsable(Patch patch)
        => patch.Tactic is PatchTactic.Jump or PatchTactic.JumpFollowing or PatchTactic.JumpPreceding && patch.Trampoline.Length > 0 && patch.Landing == 0
            && patch.Address >> 12 == (patch.Address + (uint)patch.NewBytes.Length - 1) >> 12;

    private static bool Fits(CodePage page, Entry entry)
    {
        Patch patch = entry.Patch;
        int length = patch.NewBytes.Length;
        return patch.Address >> 12 == page.Key.Page && !page.IsNeverDisplace(patch.Address, length)
            && page.Bytes(patch.Address, length).SequenceEqual(patch.OriginalBytes.Span) && HoldsInstructions(page, entry);
    }

    /// <summary>Whether the range is made of instructions that the scan has met, the plan's sites among them; only padding may follow.</summary>
    private static bool HoldsInstructions(CodePage page, Entry entry)
    {
        uint at = entry.Patch.Address, end = at + (uint)entry.Patch.NewBytes.Length;
        bool isReachable = true;
        int sites = 0;
        while (at < end && page.TryGetInstruction(at, out Instruction instruction))
        {
            sites += entry.Sites.Any(site => site.Site.Address == instruction.IP && site.Site.Instruction == instruction) ? 1 : 0;
            isReachable = instruction.FlowControl is not (FlowControl.UnconditionalBranch or FlowControl.IndirectBranch or FlowControl.Return);
            at += (uint)instruction.Length;
        }

        return sites == entry.Sites.Length && (at == end || (at < end && !isReachable));
    }

    private sealed class Entry(Patch patch, PlannedSite[] sites)
    {
        public Patch Patch => patch;
        public PlannedSite[] Sites => sites;
        public bool IsTaken { get; set; }
    }
}
