// Enumerates the ranges around a site that a jump could overwrite, best first.
using Iced.Intel;

namespace Rewriter.Patching;

/// <summary>Finds <see cref="JumpRange"/>s. Holds the displacement rules; knows nothing of free window space.</summary>
/// <param name="siteAt">Index of the unplanned site at an address; -1 for a plain instruction; -2 for a site that may not move.</param>
public sealed class RangeFinder(ICodeContext code, WindowAllocator window, ByteStateMap bytes, PlannerOptions options, Func<uint, int> siteAt)
{
    private const uint PageSize = 4096;
    private const int MaxPrefixes = 2;
    private const int MaxFollowing = 16;
    private const int KnownTargetCost = 100;

    private readonly List<Instruction> run = [];
    private readonly List<JumpRange> found = [];

    /// <summary>Why the last search found nothing, or nothing better than what it found.</summary>
    public string Obstacle { get; private set; } = "";

    /// <summary>All ranges that hold the site and could be guarded somewhere in an empty window, by ascending cost.</summary>
    public IReadOnlyList<JumpRange> Find(in Instruction site)
    {
        found.Clear();
        Obstacle = "too few bytes that may move";
        int siteIndex = CollectRun(site);
        for (int first = siteIndex; first >= 0; first--)
        {
            for (int prefixes = 0; prefixes <= MaxPrefixes && prefixes < run[first].Length; prefixes++)
                Consider(first, siteIndex, prefixes);
        }

        // Stable: of equal cost, the one that starts latest and has fewest prefixes.
        return [.. found.OrderBy(range => range.Cost)];
    }

    // The straight line around the site of what may move: run[result] is the site.
    private int CollectRun(in Instruction site)
    {
        run.Clear();
        run.Add(site);
        int before = 0;
        while (site.IP32 - run[0].IP32 < options.MaxPreceding && code.TryGetPrevious(run[0].IP32, out Instruction previous)
            && PlaceOf(previous) == DisplacedPlace.Anywhere)
        {
            run.Insert(0, previous);
            before++;
        }

        while (run[^1].NextIP32 - site.IP32 < MaxFollowing && MayGoOn(run[^1])
            && code.TryGetInstruction(run[^1].NextIP32, out Instruction next) && PlaceOf(next) != DisplacedPlace.Nowhere)
            run.Add(next);
        return before;
    }

    private DisplacedPlace PlaceOf(in Instruction instruction)
    {
        if (!bytes.IsUntouched(instruction.IP32, instruction.Length) || code.IsNeverDisplace(instruction.IP32, instruction.Length))
            return DisplacedPlace.Nowhere;

        return siteAt(instruction.IP32) switch
        {
            -1 => DisplacedInstruction.PlaceOf(instruction),
            >= 0 => DisplacedInstruction.FallsThrough(instruction) ? DisplacedPlace.Anywhere : DisplacedPlace.Last,
            _ => DisplacedPlace.Nowhere,
        };
    }

    private static bool MayGoOn(in Instruction instruction) => DisplacedInstruction.FallsThrough(instruction);

    // The shortest range from run[first] that holds the site and a jump with so many prefixes.
    private void Consider(int first, int siteIndex, int prefixes)
    {
        uint start = run[first].IP32;
        int needed = JumpRange.JumpLength + prefixes;
        int last = siteIndex;
        while (last + 1 < run.Count && run[last].NextIP32 - start < needed)
            last++;

        int padding = Math.Max(0, needed - (int)(run[last].NextIP32 - start));
        if (padding > 0 && (MayGoOn(run[last]) || !IsFreePadding(run[last].NextIP32, padding)))
            return;

        uint end = run[last].NextIP32 + (uint)padding;
        if (!options.AllowPageCrossing && start / PageSize != (end - 1) / PageSize)
        {
            Obstacle = "the range would cross a page boundary";
            return;
        }

        Instruction[] instructions = [.. run[first..(last + 1)]];
        if (HasAwkwardBranch(instructions))
        {
            Obstacle = "a loop inside the range, or a branch into an instruction";
            return;
        }

        if (!TryConstrain(instructions, prefixes, out GuardConstraint constraint)
            || !window.IsFeasible(start + (uint)needed, constraint))
        {
            Obstacle = "an instruction starts where the jump cannot be guarded";
            return;
        }

        int targets = KnownTargets(instructions);
        found.Add(new JumpRange(instructions, padding, prefixes, constraint, targets, CostOf(instructions, siteIndex - first, targets)));
    }

    // Every instruction boundary that falls on a byte of the displacement needs a guard there; on a prefix or the opcode there is none.
    private static bool TryConstrain(Instruction[] instructions, int prefixes, out GuardConstraint constraint)
    {
        constraint = GuardConstraint.None;
        uint start = instructions[0].IP32;
        foreach (Instruction instruction in instructions.AsSpan(1))
        {
            int index = (int)(instruction.IP32 - start) - prefixes - 1;
            if (index < 0)
                return false;
            if (index > 3)
                break;
            bool endsPage = (instruction.IP32 + 1) % PageSize == 0;
            constraint = constraint.With(index, endsPage ? GuardKind.GuardOfOneByte : GuardKind.Guard);
        }

        return true;
    }

    private bool IsFreePadding(uint address, int length) => code.IsPadding(address, length)
        && bytes.IsUntouched(address, length) && !code.IsNeverDisplace(address, length);

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
            if (code.IsTarget(instruction.IP32) && !LeadsTo(instructions, instruction.IP32))
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

    // Moved instructions cost little, the return of a displaced call a misprediction, a guard that is hit a trap; a site served on the way saves a patch.
    private int CostOf(Instruction[] instructions, int preceding, int knownTargets)
    {
        int cost = knownTargets * KnownTargetCost + preceding;
        foreach (Instruction instruction in instructions)
        {
            cost += siteAt(instruction.IP32) >= 0 ? -2 : 1;
            cost += instruction.FlowControl is FlowControl.Call or FlowControl.IndirectCall ? 20 : 0;
        }

        return cost;
    }
}
