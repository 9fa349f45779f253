// Enumerates the ranges around a site that a jump could overwrite, best first.
using Iced.Intel;
using Rewriter.Scanning;

namespace Rewriter.Patching;

/// <summary>Finds <see cref="JumpRange"/>s. Holds the displacement rules; knows nothing of free window space.</summary>
/// <param name="siteAt">Index of the unplanned site at an address; -1 for a plain instruction; -2 for a site that may not move.</param>
public sealed class RangeFinder(
    ICodeContext code, WindowAllocator window, ByteStateMap bytes, PlannerOptions options, Func<uint, int> siteAt)
{
    private const uint PageSize = 4096;
    private const int MaxPrefixes = 2;
    private const int MaxFollowing = 24;
    private const int KnownTargetCost = 100;

    private enum JumpKind
    {
        /// <summary>jmp rel32 to the window.</summary>
        Near,

        /// <summary>jmp rel8.</summary>
        Short,

        /// <summary>jmp rel32 to padding.</summary>
        Chained,
    }

    private readonly List<Instruction> _run = [];
    private CodeRange? _within; // what the guest replaces around the site
    private readonly List<JumpRange> _found = [];

    /// <summary>Why the last search found nothing, or nothing better than what it found.</summary>
    public string Obstacle { get; private set; } = "";

    /// <summary>All ranges for a jmp rel32 that hold the site and could be guarded somewhere in an empty window, by ascending
    /// cost.</summary>
    public IReadOnlyList<JumpRange> Find(in Instruction site)
    {
        _found.Clear();
        Obstacle = "too few bytes that may move";
        int siteIndex = CollectRun(site);
        for (int first = siteIndex; first >= 0; first--)
        {
            for (int prefixes = 0; prefixes <= PrefixLimit(first); prefixes++)
                Consider(first, siteIndex, prefixes, JumpRange.NearLength + prefixes, JumpKind.Near);
        }

        // Stable: of equal cost, the one that starts latest and has fewest prefixes.
        return [.. _found.OrderBy(range => range.Cost)];
    }

    /// <summary>The same for a jmp rel8, whose displacement byte is what <see cref="GuardConstraint.Byte0"/> is about.</summary>
    public IReadOnlyList<JumpRange> FindShort(in Instruction site)
    {
        _found.Clear();
        int siteIndex = CollectRun(site);
        for (int first = siteIndex; first >= 0; first--)
            Consider(first, siteIndex, 0, JumpRange.ShortLength, JumpKind.Short);
        return [.. _found.OrderBy(range => range.Cost)];
    }

    /// <summary>The same for a jmp rel32 that goes to another one in the image's padding.</summary>
    public IReadOnlyList<JumpRange> FindChained(in Instruction site)
    {
        _found.Clear();
        int siteIndex = CollectRun(site);
        for (int first = siteIndex; first >= 0; first--)
        {
            for (int prefixes = 0; prefixes <= PrefixLimit(first); prefixes++)
            {
                Consider(first, siteIndex, prefixes, JumpRange.NearLength + prefixes, JumpKind.Chained);
                Consider(first, siteIndex, prefixes, JumpRange.NearLength + prefixes + 1, JumpKind.Chained);
            }
        }

        return [.. _found.OrderBy(range => range.Cost)];
    }

    /// <summary>A range that leaves for its own trampoline and has room, at <paramref name="landing"/>, for one more jmp rel32.</summary>
    /// <param name="constraint">What that second jump's displacement has to be.</param>
    public bool TryFindVictim(uint landing, in Instruction holder, out JumpRange victim, out GuardConstraint constraint)
    {
        _found.Clear();
        (victim, constraint) = (null!, default);
        _within = null;
        if (PlaceOf(holder) == DisplacedPlace.Nowhere)
            return false;

        int holderIndex = CollectRun(holder);
        for (int first = holderIndex; first >= 0 && _found.Count == 0; first--)
        {
            int lead = (int)(landing - _run[first].IP32);
            int most = Math.Min(PrefixLimit(first), lead - JumpRange.NearLength);
            for (int prefixes = 0; prefixes <= most; prefixes++)
                Consider(first, holderIndex, prefixes, lead + JumpRange.NearLength, JumpKind.Near);
        }

        if (_found.Find(range => range.KnownTargets == 0) is not JumpRange range
            || !TryConstrain(range.Instructions, landing + 1, isChained: false, mayBeUndefined: false, out constraint))
            return false;

        victim = range;
        return window.IsFeasible(landing + JumpRange.NearLength, constraint);
    }

    private bool IsFreePaddingBehind(in Instruction instruction, int length) =>
        !DisplacedInstruction.FallsThrough(instruction) && MayExtendPast(instruction) && IsFreePadding(instruction.NextIP32, length);

    /// <summary>Whether bytes are filler that no patch has claimed yet.</summary>
    public bool IsFreePadding(uint address, int length) => code.IsPadding(address, length)
        && bytes.IsUntouched(address, length) && !code.IsNeverDisplace(address, length);

    /// <summary>The same for what is only known to be INT3s.</summary>
    public bool IsFreeTrapFiller(uint address, int length) => code.IsTrapFiller(address, length)
        && bytes.IsUntouched(address, length) && !code.IsNeverDisplace(address, length);

    /// <summary>Whether bytes are left over behind the jump of one patch.</summary>
    public bool IsTail(uint address, int length) => bytes.Is(ByteState.Tail, address, length);

    // The straight line around the site of what may move: run[result] is the site.
    private int CollectRun(in Instruction site)
    {
        _run.Clear();
        _run.Add(site);
        _within = code.ReplacedAround(site.IP32);
        int before = 0;
        while (site.IP32 - _run[0].IP32 < options.MaxPreceding && code.TryGetPrevious(_run[0].IP32, out Instruction previous)
            && PlaceOf(previous) == DisplacedPlace.Anywhere)
        {
            _run.Insert(0, previous);
            before++;
        }

        while (_run[^1].NextIP32 - site.IP32 < MaxFollowing && MayExtendPast(_run[^1])
            && code.TryGetInstruction(_run[^1].NextIP32, out Instruction next) && PlaceOf(next) != DisplacedPlace.Nowhere)
            _run.Add(next);
        return before;
    }

    private DisplacedPlace PlaceOf(in Instruction instruction)
    {
        if (!bytes.IsUntouched(instruction.IP32, instruction.Length)
            || !LiesWithin(instruction.IP32, instruction.NextIP32) && code.IsNeverDisplace(instruction.IP32, instruction.Length))
            return DisplacedPlace.Nowhere;

        return siteAt(instruction.IP32) switch
        {
            -1 => DisplacedInstruction.PlaceOf(instruction),
            >= 0 => DisplacedInstruction.FallsThrough(instruction) ? DisplacedPlace.Anywhere : DisplacedPlace.Last,
            _ => DisplacedPlace.Nowhere,
        };
    }

    private bool LiesWithin(uint start, uint end) => _within is CodeRange whole && start >= whole.Start && end <= whole.End;

    // What follows a jump or return is another block, which moves as well as any other; what follows a call is where the guest returns to.
    private static bool MayExtendPast(in Instruction instruction) =>
        instruction.FlowControl is not (FlowControl.Call or FlowControl.IndirectCall);

    // The opcode of the jump has to fall into the first instruction.
    private int PrefixLimit(int first) => Math.Min(MaxPrefixes, _run[first].Length - 1);

    // The shortest range of at least so many bytes from run[first] that holds the site, and longer ones that end with a further site.
    private void Consider(int first, int siteIndex, int prefixes, int needed, JumpKind kind)
    {
        uint start = _run[first].IP32;
        int last = siteIndex;
        while (last + 1 < _run.Count && _run[last].NextIP32 - start < needed)
            last++;

        int padding = Math.Max(0, needed - (int)(_run[last].NextIP32 - start));
        if (padding > 0 && !IsFreePaddingBehind(_run[last], padding))
            return;

        Consider(first, last, siteIndex, padding, prefixes, kind);
        for (int further = last + 1; further < _run.Count && _found.Count > 0; further++)
        {
            if (siteAt(_run[further].IP32) >= 0)
                Consider(first, further, siteIndex, 0, prefixes, kind);
        }
    }

    private void Consider(int first, int last, int siteIndex, int padding, int prefixes, JumpKind kind)
    {
        uint start = _run[first].IP32;
        uint end = _run[last].NextIP32 + (uint)padding;
        if (!options.AllowPageCrossing && start / PageSize != (end - 1) / PageSize)
        {
            Obstacle = "the range would cross a page boundary";
            return;
        }

        if (_within is not null && !LiesWithin(start, end))
        {
            Obstacle = "the kernel replaces the site, and the range is not within what it replaces";
            return;
        }

        Instruction[] instructions = [.. _run[first..(last + 1)]];
        if (HasAwkwardBranch(instructions))
        {
            Obstacle = "a loop inside the range, or a branch into an instruction";
            return;
        }

        uint displacement = start + (uint)prefixes + 1;
        bool mayBeUndefined = kind == JumpKind.Chained && end > displacement + 4;
        GuardConstraint constraint = GuardConstraint.None;
        if (!options.AllTargetsKnown
            && !TryConstrain(instructions, displacement, kind == JumpKind.Chained, mayBeUndefined, out constraint)
            || kind == JumpKind.Near && !window.IsFeasible(start + (uint)(JumpRange.NearLength + prefixes), constraint))
        {
            Obstacle = "an instruction starts where the jump cannot be guarded";
            return;
        }

        int targets = KnownTargets(instructions);
        List<Instruction> redirected = [];
        if (targets > 0 && !options.HasMonitor)
        {
            if (!TryRedirect(instructions, redirected))
            {
                Obstacle = "a known target lies in the range";
                return;
            }

            targets = 0;
        }

        _found.Add(new JumpRange(instructions, padding, prefixes, constraint, targets, CostOf(instructions, siteIndex - first, targets))
        {
            Redirected = redirected,
        });
    }

    // What leads to inner targets, if all of it is branches with room for any distance that nobody else patches.
    private bool TryRedirect(Instruction[] instructions, List<Instruction> redirected)
    {
        foreach (Instruction inner in instructions.AsSpan(1))
        {
            if (!code.IsTarget(inner.IP32))
                continue;
            if (!code.TryGetBranchesTo(inner.IP32, out IReadOnlyList<Instruction> branches))
                return false;
            foreach (Instruction branch in branches)
            {
                if (Array.Exists(instructions, other => other.IP32 == branch.IP32))
                    continue;
                if (branch.Code is not (Code.Jmp_rel32_32 or >= Code.Jo_rel32_32 and <= Code.Jg_rel32_32) || PlaceOf(branch) == DisplacedPlace.Nowhere)
                    return false;
                redirected.Add(branch);
            }
        }

        return true;
    }

    // Every instruction boundary that falls on one of the four bytes at the displacement needs a guard there; on the jump's opcode
    // or a prefix there is none.
    private static bool TryConstrain(
        Instruction[] instructions, uint displacement, bool isChained, bool mayBeUndefined, out GuardConstraint constraint)
    {
        constraint = GuardConstraint.None;
        foreach (Instruction instruction in instructions.AsSpan(1))
        {
            int index = (int)(instruction.IP32 - displacement);
            if (index == -1)
                return false;
            if (index is < 0 or > 3)
                continue;
            bool endsPage = (instruction.IP32 + 1) % PageSize == 0;
            bool isUndefined = isChained && index == 3;
            if (isUndefined && (endsPage || !mayBeUndefined))
                return false;
            constraint = constraint.With(
                index, isUndefined ? GuardKind.Undefined : endsPage ? GuardKind.GuardOfOneByte : GuardKind.Guard);
        }

        return true;
    }

    // Inside the range a branch may only lead forward, to an instruction: a loop in the window could hold up events for ever.
    private static bool HasAwkwardBranch(Instruction[] instructions)
    {
        uint start = instructions[0].IP32;
        foreach (Instruction instruction in instructions)
        {
            if (DisplacedInstruction.TryGetTarget(instruction, out uint target) && target > start && target < instructions[^1].NextIP32
                && (target <= instruction.IP32 || !Array.Exists(instructions, other => other.IP32 == target)))
                return true;
        }

        return false;
    }

    private int KnownTargets(Instruction[] instructions)
    {
        int count = 0;
        foreach (Instruction instruction in instructions.AsSpan(1))
        {
            if (code.IsTarget(instruction.IP32) && (code.IsSharedTarget(instruction.IP32) || !LeadsTo(instructions, instruction.IP32)))
                count++;
        }

        return count;
    }

    private static bool LeadsTo(Instruction[] instructions, uint address)
    {
        foreach (Instruction instruction in instructions)
        {
            if (DisplacedInstruction.TryGetTarget(instruction, out uint target) && target == address)
                return true;
        }

        return false;
    }

    // Moved instructions cost little, the return of a displaced call a misprediction, a guard that is hit a trap; a site served on the
    // way saves a patch.
    private int CostOf(Instruction[] instructions, int preceding, int knownTargets)
    {
        int cost = knownTargets * KnownTargetCost + preceding; // what is redirected costs the audit's reader more than the guest
        foreach (Instruction instruction in instructions)
        {
            cost += siteAt(instruction.IP32) >= 0 ? -3 : 1;
            cost += instruction.FlowControl is FlowControl.Call or FlowControl.IndirectCall ? 20 : 0;
        }

        return cost;
    }
}
