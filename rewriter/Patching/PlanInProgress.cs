// One run of the planner: sites by ascending address, each given the best tactic that the bytes left over allow.
using System.Buffers.Binary;
using Iced.Intel;
using Rewriter.Scanning;
using Rewriter.Shims;
using Runtime.Abi;

namespace Rewriter.Patching;

/// <summary>The state of one <see cref="PatchPlanner.Plan"/>.</summary>
internal sealed class PlanInProgress
{
    private readonly ExecutionMode _mode;
    private readonly WindowAllocator _window;
    private readonly ShimCatalog _shims;
    private readonly ICodeContext _code;
    private readonly IReadOnlyList<SensitiveInstruction> _sites;
    private readonly int _firstSiteIndex;
    private readonly ByteStateMap _bytes = new();
    private readonly Dictionary<uint, int> _siteByAddress = [];
    private readonly PlannedSite?[] _planned;
    private readonly List<Patch> _patches = [];
    private readonly RangeFinder _finder;
    private readonly LandingFinder _landings;
    private readonly PlannerOptions _options;

    public PlanInProgress(ExecutionMode mode, WindowAllocator window, ShimCatalog shims, PlannerOptions options,
        ICodeContext code, IReadOnlyList<SensitiveInstruction> sites, int firstSiteIndex)
    {
        if (shims.UserMode != options.UserMode)
            throw new ArgumentException("the shim catalogue and the options disagree about user mode", nameof(options));

        (_mode, _window, _shims, _code, _sites, _firstSiteIndex) = (mode, window, shims, code, sites, firstSiteIndex);
        _planned = new PlannedSite?[sites.Count];
        _options = options;
        _finder = new RangeFinder(code, window, _bytes, options, SiteAt);
        _landings = new LandingFinder(code, _finder, options);
        for (int i = 0; i < sites.Count; i++)
        {
            if (i > 0 && sites[i].Address <= sites[i - 1].Address)
                throw new ArgumentException("the sites are not sorted by address", nameof(sites));
            _siteByAddress.Add((uint)sites[i].Address, i);
        }
    }

    public PatchPlan Run()
    {
        for (int i = 0; i < _sites.Count; i++)
        {
            if (_planned[i] is null)
                PlanSite(i);
        }

        _patches.Sort((left, right) => left.Address.CompareTo(right.Address));
        return new PatchPlan(_mode, _window.WindowBase, Array.ConvertAll(_planned, site => site!), _patches);
    }

    private void PlanSite(int i)
    {
        SensitiveInstruction site = _sites[i];
        if (_mode == ExecutionMode.Trap)
            Decide(i, PatchTactic.Leave, "", null);
        else if (site.Confidence == SiteConfidence.Low)
            Decide(i, PatchTactic.Leave, "", "not proven to be code");
        else if (_code.IsTemplate((uint)site.Address))
            Decide(i, PatchTactic.Leave, "", "a template that the guest copies; taken over where it lands");
        else if (_code.WhyLeft((uint)site.Address) is string wish)
            Decide(i, PatchTactic.Leave, "", wish);
        else if (_mode == ExecutionMode.Full && site.Class == SensitivityClass.Trapping)
            Decide(i, PatchTactic.Leave, "", null);
        else if (_mode == ExecutionMode.Full && _options.HasMonitor)
            Trap(i, null);
        else if (TryJump(i, out string obstacle) || TryJoin(i))
            return;
        else if (_options.HasMonitor)
            Trap(i, obstacle);
        else
            Decide(i, PatchTactic.Leave, "", obstacle);
    }

    // The patch right before the site was made without it, or the range would have had a known target inside: one patch for both, whose
    // guard is hit now and then, is better than a trap every time.
    private bool TryJoin(int i)
    {
        uint address = (uint)_sites[i].Address;
        Patch? before = _patches.Find(patch => patch.Address + (uint)patch.NewBytes.Length == address);
        if (before is not { Tactic: PatchTactic.Jump or PatchTactic.JumpFollowing or PatchTactic.JumpPreceding }
            || _patches.Exists(other => other.Landing - before.Address < (uint)before.NewBytes.Length))
            return false;

        int first = i;
        while (first > 0 && (uint)_sites[first - 1].Address >= before.Address)
            first--;
        Undo(before, first, i);
        string obstacle = "";
        bool joined = TryNear(
            i, _finder.Find(_sites[i].Instruction).Where(range => range.Start <= (uint)_sites[first].Address), ref obstacle);
        for (int k = first; k < i; k++)
        {
            if (_planned[k] is null)
                PlanSite(k);
        }

        return joined;
    }

    private void Undo(Patch patch, int first, int end)
    {
        _patches.Remove(patch);
        _window.Free(patch.TrampolineAddress, patch.Trampoline.Length);
        for (uint at = 0; at < (uint)patch.NewBytes.Length; at++)
            _bytes[patch.Address + at] = ByteState.Untouched;
        Array.Clear(_planned, first, end - first);
    }

    // A jump that nothing known lands in; failing that a short one; failing that one with targets inside, which cost a trap each time.
    private bool TryJump(int i, out string obstacle)
    {
        IReadOnlyList<JumpRange> near = _finder.Find(_sites[i].Instruction);
        obstacle = _finder.Obstacle;
        if (TryNear(i, near.Where(range => range.KnownTargets == 0), ref obstacle))
            return true;

        IReadOnlyList<JumpRange> brief = _options.AllowShortJumps ? _finder.FindShort(_sites[i].Instruction) : [];
        return TryShort(i, brief.Where(range => range.KnownTargets == 0))
            || TryChained(i, range => range.KnownTargets == 0)
            || TryNear(i, near.Where(range => range.KnownTargets > 0), ref obstacle)
            || TryShort(i, brief.Where(range => range.KnownTargets > 0))
            || TryChained(i, range => range.KnownTargets > 0);
    }

    private bool TryNear(int i, IEnumerable<JumpRange> ranges, ref string obstacle)
    {
        foreach (JumpRange range in ranges)
        {
            TrampolineCode trampoline = CodeOf(range);
            if (TryPlace(trampoline, range.Origin, range.Constraint, out uint address))
            {
                Commit(i, range, TacticOf(range, _sites[i].Instruction), address, trampoline, range.Encode(address), landing: 0);
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
            foreach (Landing landing in _landings.Find(range))
            {
                if (!TryPlace(trampoline, landing.Address + JumpRange.NearLength, landing.Constraint, out uint address))
                    continue;
                byte[] jump = JumpRange.EncodeLanding(landing.Address, address);
                if (landing.IsTail)
                    UseTail(landing.Address, jump);
                else if (landing.Victim is null)
                    AddLanding(landing.Address, jump);
                else if (!TryEvict(landing.Victim, landing.Address, jump))
                {
                    _window.Free(address, trampoline.Length);
                    continue;
                }

                Commit(i, range, PatchTactic.ShortJump, address, trampoline, range.EncodeShort(landing.Address), landing.Address);
                return true;
            }
        }

        return false;
    }

    private bool TryChained(int i, Func<JumpRange, bool> isWanted)
    {
        if (!_options.AllowShortJumps || !_options.MayLandInPadding || _code.Holes.Count == 0)
            return false;

        foreach (JumpRange range in _finder.FindChained(_sites[i].Instruction).Where(isWanted))
        {
            foreach (uint landing in _landings.FindFar(range))
            {
                TrampolineCode trampoline = CodeOf(range);
                if (!TryPlace(trampoline, landing + JumpRange.NearLength, GuardConstraint.None, out uint address))
                    return false;
                AddLanding(landing, JumpRange.EncodeLanding(landing, address));
                Commit(i, range, PatchTactic.ChainedJump, address, trampoline, range.EncodeChained(landing), landing);
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

    private void UseTail(uint address, byte[] jump)
    {
        int index = _patches.FindIndex(patch => address - patch.Address < (uint)patch.NewBytes.Length);
        byte[] bytes = _patches[index].NewBytes.ToArray();
        jump.CopyTo(bytes.AsSpan((int)(address - _patches[index].Address)));
        _patches[index] = _patches[index] with { NewBytes = bytes };
        for (int k = 0; k < jump.Length; k++)
            _bytes[address + (uint)k] = ByteState.Overwritten;
    }

    private void AddLanding(uint address, byte[] jump)
    {
        _patches.Add(new Patch(address, _code.Bytes(address, jump.Length).ToArray(), jump, PatchTactic.Evicted, 0, default, []));
        for (int k = 0; k < jump.Length; k++)
            _bytes[address + (uint)k] = ByteState.Overwritten;
    }

    private TrampolineCode CodeOf(JumpRange range) => TrampolineCode.Create(range, _code, _shims, _window.WindowBase, SiteIndexAt);

    private bool TryPlace(TrampolineCode trampoline, uint origin, GuardConstraint constraint, out uint address) =>
        _window.TryAllocate(trampoline.Length, origin, constraint, out address);

    private void Commit(
        int driver, JumpRange range, PatchTactic tactic, uint address, TrampolineCode trampoline, byte[] newBytes, uint landing)
    {
        (byte[] machineCode, TrampolineMapEntry[] map) = trampoline.AssembleAt(address);
        byte[] original = _code.Bytes(range.Start, range.Length).ToArray();
        _patches.Add(new Patch(range.Start, original, newBytes, tactic, address, machineCode, map) { Landing = landing });
        for (uint at = range.Start; at < range.Start + (uint)range.Length; at++)
            _bytes[at] = ByteState.Overwritten;
        MarkTail(range, tactic);

        foreach (Instruction branch in range.Redirected)
            Redirect(branch, address + (uint)map.First(entry => entry.GuestAddress == branch.NearBranch32 && entry.IsRestart).Offset);

        foreach (Instruction instruction in range.Instructions)
        {
            if (instruction.IP32 == range.Start)
                _bytes[instruction.IP32] = ByteState.Entry;
            else if (!_options.AllTargetsKnown)
                _bytes[instruction.IP32] = ByteState.Guard;
            int index = SiteAt(instruction.IP32);
            if (index < 0)
                continue;
            string shim = _shims.Find(instruction).Name;
            if (index == driver)
                Decide(index, tactic, shim, ReasonOf(range, tactic));
            else
                Decide(index, PatchTactic.Merged, shim, "moved with its neighbour");
        }
    }

    // The last four bytes are the distance.
    private void Redirect(in Instruction branch, uint target)
    {
        byte[] original = _code.Bytes(branch.IP32, branch.Length).ToArray();
        byte[] bytes = [.. original];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(bytes.Length - 4), target - branch.NextIP32);
        _patches.Add(new Patch(branch.IP32, original, bytes, PatchTactic.Redirected, 0, default, []));
        for (int k = 0; k < bytes.Length; k++)
            _bytes[branch.IP32 + (uint)k] = ByteState.Overwritten;
    }

    // What is left over behind the jump, and behind the byte that may make its last one a guard. A victim's holds a landing already.
    private void MarkTail(JumpRange range, PatchTactic tactic)
    {
        int jump = tactic switch
        {
            PatchTactic.Evicted => range.Length,
            PatchTactic.ShortJump => JumpRange.ShortLength,
            PatchTactic.ChainedJump => JumpRange.NearLength + range.Prefixes + 1,
            _ => JumpRange.NearLength + range.Prefixes,
        };
        for (int k = jump; k < range.Length; k++)
            _bytes[range.Start + (uint)k] = ByteState.Tail;
    }

    private void Trap(int i, string? reason)
    {
        uint address = (uint)_sites[i].Address;
        _patches.Add(new Patch(address, _code.Bytes(address, 1).ToArray(), new[] { GuardBytes.Hlt }, PatchTactic.Trap, 0, default, []));
        _bytes[address] = ByteState.Entry;
        Decide(i, PatchTactic.Trap, _shims.Find(_sites[i].Instruction).Name, reason);
    }

    private void Decide(int i, PatchTactic tactic, string shim, string? reason) =>
        _planned[i] = new PlannedSite(_firstSiteIndex + i, _sites[i], tactic, shim, reason);

    private int SiteAt(uint address)
    {
        if (!_siteByAddress.TryGetValue(address, out int i))
            return -1;
        return _planned[i] is null && _sites[i].Confidence != SiteConfidence.Low && !_code.IsTemplate(address)
            && _code.WhyLeft(address) is null ? i : -2;
    }

    private int SiteIndexAt(uint address) => SiteAt(address) is int i and >= 0 ? _firstSiteIndex + i : -1;

    private static PatchTactic TacticOf(JumpRange range, in Instruction site) =>
        range.Start != site.IP32 ? PatchTactic.JumpPreceding
        : range.Instructions.Length > 1 || range.Padding > 0 ? PatchTactic.JumpFollowing
        : PatchTactic.Jump;

    private static string? ReasonOf(JumpRange range, PatchTactic tactic) => (tactic, range.KnownTargets) switch
    {
        (_, > 0) => $"{range.KnownTargets} known target(s) inside the range, which trap into the trampoline",
        (PatchTactic.Jump, _) => null,
        (PatchTactic.JumpFollowing, _) => "shorter than a jump",
        (PatchTactic.ChainedJump, _) => "only by way of padding elsewhere in the image can the jump be guarded",
        (PatchTactic.ShortJump, _) => "no range of 5 bytes that can be guarded, or only with known targets inside",
        _ => "what follows cannot be displaced, or not be guarded",
    };
}
