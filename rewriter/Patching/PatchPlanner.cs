// From sites to patches: one tactic for each site, by ascending address. The direct engine plans a page at a time, the rewriter an image.
using Iced.Intel;
using Rewriter.Scanning;
using Rewriter.Shims;
using Runtime.Abi;

namespace Rewriter.Patching;

/// <summary>Plans patches. Deterministic and total: the same code, sites and free window give the same plan, and every site gets a tactic.</summary>
/// <param name="window">Trampolines are taken from here; the plan's own are freed by whoever drops the plan.</param>
public sealed class PatchPlanner(ExecutionMode mode, WindowAllocator window, ShimCatalog shims, PlannerOptions options)
{
    /// <param name="sites">By address.</param>
    /// <param name="firstSiteIndex">Index of the first site; the others follow.</param>
    public PatchPlan Plan(ICodeContext code, IReadOnlyList<SensitiveInstruction> sites, int firstSiteIndex) =>
        new PlanInProgress(mode, window, shims, options, code, sites, firstSiteIndex).Run();
}

/// <summary>The state of one <see cref="PatchPlanner.Plan"/>.</summary>
internal sealed class PlanInProgress
{
    private readonly ExecutionMode mode;
    private readonly WindowAllocator window;
    private readonly ShimCatalog shims;
    private readonly ICodeContext code;
    private readonly IReadOnlyList<SensitiveInstruction> sites;
    private readonly int firstSiteIndex;
    private readonly ByteStateMap bytes = new();
    private readonly Dictionary<uint, int> siteByAddress = [];
    private readonly PlannedSite?[] planned;
    private readonly List<Patch> patches = [];
    private readonly RangeFinder finder;

    public PlanInProgress(ExecutionMode mode, WindowAllocator window, ShimCatalog shims, PlannerOptions options,
        ICodeContext code, IReadOnlyList<SensitiveInstruction> sites, int firstSiteIndex)
    {
        if (shims.UserMode != options.UserMode)
            throw new ArgumentException("the shim catalogue and the options disagree about user mode", nameof(options));

        (this.mode, this.window, this.shims, this.code, this.sites, this.firstSiteIndex) = (mode, window, shims, code, sites, firstSiteIndex);
        planned = new PlannedSite?[sites.Count];
        finder = new RangeFinder(code, window, bytes, options, SiteAt);
        for (int i = 0; i < sites.Count; i++)
        {
            if (i > 0 && sites[i].Address <= sites[i - 1].Address)
                throw new ArgumentException("the sites are not sorted by address", nameof(sites));
            siteByAddress.Add((uint)sites[i].Address, i);
        }
    }

    public PatchPlan Run()
    {
        for (int i = 0; i < sites.Count; i++)
        {
            if (planned[i] is null)
                PlanSite(i);
        }

        patches.Sort((left, right) => left.Address.CompareTo(right.Address));
        return new PatchPlan(mode, window.WindowBase, Array.ConvertAll(planned, site => site!), patches);
    }

    private void PlanSite(int i)
    {
        SensitiveInstruction site = sites[i];
        if (mode == ExecutionMode.Trap)
            Decide(i, PatchTactic.Leave, "", null);
        else if (site.Confidence == SiteConfidence.Low)
            Decide(i, PatchTactic.Leave, "", "not proven to be code");
        else if (mode == ExecutionMode.Full && site.Class == SensitivityClass.Trapping)
            Decide(i, PatchTactic.Leave, "", null);
        else if (mode == ExecutionMode.Full)
            Trap(i, null);
        else if (!TryJump(i, out string obstacle))
            Trap(i, obstacle);
    }

    private bool TryJump(int i, out string obstacle)
    {
        IReadOnlyList<JumpRange> ranges = finder.Find(sites[i].Instruction);
        obstacle = finder.Obstacle;
        foreach (JumpRange range in ranges)
        {
            var trampoline = TrampolineCode.Create(range, code, shims, window.WindowBase, SiteIndexAt);
            (byte[] draft, _) = trampoline.AssembleAt(window.WindowBase + MonitorWindow.TrampolineOffset);
            if (!window.TryAllocate(draft.Length, range.Origin, range.Constraint, out uint address))
            {
                obstacle = "no free place in the window gives the guards";
                continue;
            }

            Commit(i, range, address, trampoline);
            return true;
        }

        return false;
    }

    private void Commit(int driver, JumpRange range, uint address, TrampolineCode trampoline)
    {
        (byte[] machineCode, TrampolineMapEntry[] map) = trampoline.AssembleAt(address);
        PatchTactic tactic = TacticOf(range, sites[driver].Instruction);
        patches.Add(new Patch(range.Start, code.Bytes(range.Start, range.Length).ToArray(), range.Encode(address), tactic, address, machineCode, map));
        for (uint at = range.Start; at < range.Start + (uint)range.Length; at++)
            bytes[at] = ByteState.Overwritten;

        foreach (Instruction instruction in range.Instructions)
        {
            bytes[instruction.IP32] = instruction.IP32 == range.Start ? ByteState.Entry : ByteState.Guard;
            int index = SiteAt(instruction.IP32);
            if (index == driver)
                Decide(index, tactic, shims.Find(instruction).Name, ReasonOf(range, tactic));
            else if (index >= 0)
                Decide(index, PatchTactic.Merged, shims.Find(instruction).Name, "moved with its neighbour");
        }
    }

    private void Trap(int i, string? reason)
    {
        uint address = (uint)sites[i].Address;
        patches.Add(new Patch(address, code.Bytes(address, 1).ToArray(), new[] { GuardBytes.Hlt }, PatchTactic.Trap, 0, default, []));
        bytes[address] = ByteState.Entry;
        Decide(i, PatchTactic.Trap, shims.Find(sites[i].Instruction).Name, reason);
    }

    private void Decide(int i, PatchTactic tactic, string shim, string? reason) =>
        planned[i] = new PlannedSite(firstSiteIndex + i, sites[i], tactic, shim, reason);

    private int SiteAt(uint address)
    {
        if (!siteByAddress.TryGetValue(address, out int i))
            return -1;
        return planned[i] is null && sites[i].Confidence != SiteConfidence.Low ? i : -2;
    }

    private int SiteIndexAt(uint address) => SiteAt(address) is int i and >= 0 ? firstSiteIndex + i : -1;

    private static PatchTactic TacticOf(JumpRange range, in Instruction site) =>
        range.Start != site.IP32 ? PatchTactic.JumpPreceding
        : range.Instructions.Length > 1 || range.Padding > 0 ? PatchTactic.JumpFollowing
        : PatchTactic.Jump;

    private static string? ReasonOf(JumpRange range, PatchTactic tactic) => (tactic, range.KnownTargets) switch
    {
        (_, > 0) => $"{range.KnownTargets} known target(s) inside the range, which trap into the trampoline",
        (PatchTactic.Jump, _) => null,
        (PatchTactic.JumpFollowing, _) => "shorter than a jump",
        _ => "what follows cannot be displaced, or not be guarded",
    };
}
