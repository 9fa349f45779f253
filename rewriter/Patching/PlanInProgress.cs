// One run of the planner: sites by ascending address, each given the best tactic that the bytes left over allow.
using Iced.Intel;
using Rewriter.Scanning;
using Rewriter.Shims;
using Runtime.Abi;

namespace Rewriter.Patching;

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
    private readonly LandingFinder landings;
    private readonly PlannerOptions options;

    public PlanInProgress(ExecutionMode mode, WindowAllocator window, ShimCatalog shims, PlannerOptions options,
        ICodeContext code, IReadOnlyList<SensitiveInstruction> sites, int firstSiteIndex)
    {
        if (shims.UserMode != options.UserMode)
            throw new ArgumentException("the shim catalogue and the options disagree about user mode", nameof(options));

        (this.mode, this.window, this.shims, this.code, this.sites, this.firstSiteIndex) = (mode, window, shims, code, sites, firstSiteIndex);
        planned = new PlannedSite?[sites.Count];
        this.options = options;
        finder = new RangeFinder(code, window, bytes, options, SiteAt);
        landings = new LandingFinder(code, finder, options);
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
        else if (code.IsTemplate((uint)site.Address))
            Decide(i, PatchTactic.Leave, "", "a template that the guest copies; taken over where it lands");
        else if (mode == ExecutionMode.Full && site.Class == SensitivityClass.Trapping)
            Decide(i, PatchTactic.Leave, "", null);
        else if (mode == ExecutionMode.Full)
            Trap(i, null);
        else if (!TryJump(i, out string obstacle))
            Trap(i, obstacle);
    }

    // A jump that nothing known lands in; failing that a short one; failing that one with targets inside, which cost a trap each time.
    private bool TryJump(int i, out string obstacle)
    {
        IReadOnlyList<JumpRange> near = finder.Find(sites[i].Instruction);
        obstacle = finder.Obstacle;
        IReadOnlyList<JumpRange> brief = [];
        return TryNear(i, near.Where(range => range.KnownTargets == 0), ref obstacle)
            || options.AllowShortJumps && TryShort(i, (brief = finder.FindShort(sites[i].Instruction)).Where(range => range.KnownTargets == 0))
            || TryNear(i, near.Where(range => range.KnownTargets > 0), ref obstacle)
            || TryShort(i, brief.Where(range => range.KnownTargets > 0));
    }

    private bool TryNear(int i, IEnumerable<JumpRange> ranges, ref string obstacle)
    {
        foreach (JumpRange range in ranges)
        {
            TrampolineCode trampoline = CodeOf(range);
            if (TryPlace(trampoline, range.Origin, range.Constraint, out uint address))
            {
                Commit(i, range, TacticOf(range, sites[i].Instruction), address, trampoline, range.Encode(address), landing: 0);
                return true;
            }

            obstacle = "no free place in the window gives the guards";
        }

        return false;
    }

    private bool TryShort(int i, IEnumerable<JumpRange> ranges)
    {
        foreach (JumpRange range in ranges)
        {
            TrampolineCode trampoline = CodeOf(range);
            foreach (Landing landing in landings.Find(range))
            {
                if (!TryPlace(trampoline, landing.Address + JumpRange.NearLength, landing.Constraint, out uint address))
                    continue;
                byte[] jump = JumpRange.EncodeLanding(landing.Address, address);
                if (landing.Victim is null)
                    AddLanding(landing.Address, jump);
                else if (!TryEvict(landing.Victim, landing.Address, jump))
                {
                    window.Free(address, trampoline.Length);
                    continue;
                }

                Commit(i, range, PatchTactic.ShortJump, address, trampoline, range.EncodeShort(landing.Address), landing.Address);
                return true;
            }
        }

        return false;
    }

    private bool TryEvict(JumpRange victim, uint landing, byte[] jump)
    {
        TrampolineCode trampoline = CodeOf(victim);
        if (!TryPlace(trampoline, victim.Origin, victim.Constraint, out uint address))
            return false;

        byte[] newBytes = victim.Encode(address);
        jump.CopyTo(newBytes.AsSpan((int)(landing - victim.Start)));
        Commit(-1, victim, PatchTactic.Evicted, address, trampoline, newBytes, landing: 0);
        return true;
    }

    private void AddLanding(uint address, byte[] jump)
    {
        patches.Add(new Patch(address, code.Bytes(address, jump.Length).ToArray(), jump, PatchTactic.Evicted, 0, default, []));
        for (int k = 0; k < jump.Length; k++)
            bytes[address + (uint)k] = ByteState.Overwritten;
    }

    private TrampolineCode CodeOf(JumpRange range) => TrampolineCode.Create(range, code, shims, window.WindowBase, SiteIndexAt);

    private bool TryPlace(TrampolineCode trampoline, uint origin, GuardConstraint constraint, out uint address) =>
        window.TryAllocate(trampoline.Length, origin, constraint, out address);

    private void Commit(int driver, JumpRange range, PatchTactic tactic, uint address, TrampolineCode trampoline, byte[] newBytes, uint landing)
    {
        (byte[] machineCode, TrampolineMapEntry[] map) = trampoline.AssembleAt(address);
        patches.Add(new Patch(range.Start, code.Bytes(range.Start, range.Length).ToArray(), newBytes, tactic, address, machineCode, map) { Landing = landing });
        for (uint at = range.Start; at < range.Start + (uint)range.Length; at++)
            bytes[at] = ByteState.Overwritten;

        foreach (Instruction instruction in range.Instructions)
        {
            bytes[instruction.IP32] = instruction.IP32 == range.Start ? ByteState.Entry : ByteState.Guard;
            int index = SiteAt(instruction.IP32);
            if (index < 0)
                continue;
            bool isDriver = index == driver;
            Decide(index, isDriver ? tactic : PatchTactic.Merged, shims.Find(instruction).Name, isDriver ? ReasonOf(range, tactic) : "moved with its neighbour");
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
        return planned[i] is null && sites[i].Confidence != SiteConfidence.Low && !code.IsTemplate(address) ? i : -2;
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
        (PatchTactic.ShortJump, _) => "no range of 5 bytes that can be guarded, or only with known targets inside",
        _ => "what follows cannot be displaced, or not be guarded",
    };
}
