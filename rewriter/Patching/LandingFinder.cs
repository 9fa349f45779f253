// Where a two-byte jump can land: a place within its reach for a jmp rel32 to the trampoline.
using Iced.Intel;
using Rewriter.Scanning;

namespace Rewriter.Patching;

/// <summary>A place for the second jump of a <see cref="PatchTactic.ShortJump"/>.</summary>
/// <param name="Address">First byte of the jmp rel32.</param>
/// <param name="Constraint">What its displacement has to be.</param>
/// <param name="Victim">The range that makes room for it, which leaves by a jump of its own; null for padding and tails.</param>
/// <param name="IsTail">Whether it is what another patch left over.</param>
public sealed record Landing(uint Address, GuardConstraint Constraint, JumpRange? Victim, bool IsTail = false);

/// <summary>Enumerates landings, nearest first: padding, what other patches left over, then neighbours that can be evicted (as E9Patch's T3 does).</summary>
public sealed class LandingFinder(ICodeContext code, RangeFinder ranges, PlannerOptions options)
{
    private const uint PageSize = 4096;
    private const int LongestInstruction = 15;

    /// <summary>Landings that a range's jmp rel8 reaches with a displacement that its guards allow.</summary>
    public IEnumerable<Landing> Find(JumpRange range)
    {
        int[] displacements = [.. Displacements(range.Constraint.Byte0)];
        foreach (int displacement in displacements)
        {
            uint address = range.Start + JumpRange.ShortLength + (uint)displacement;
            if (IsPlace(range, address) && (options.MayLandInPadding
                ? ranges.IsFreePadding(address, JumpRange.NearLength) : ranges.IsFreeTrapFiller(address, JumpRange.NearLength)))
                yield return new Landing(address, GuardConstraint.None, null);
        }

        foreach (int displacement in displacements)
        {
            uint address = range.Start + JumpRange.ShortLength + (uint)displacement;
            if (IsPlace(range, address) && ranges.IsTail(address, JumpRange.NearLength))
                yield return new Landing(address, GuardConstraint.None, null, IsTail: true);
        }

        foreach (int displacement in displacements)
        {
            uint address = range.Start + JumpRange.ShortLength + (uint)displacement;
            if (IsPlace(range, address) && TryHolder(address, out Instruction holder)
                && ranges.TryFindVictim(address, holder, out JumpRange victim, out GuardConstraint constraint)
                && range.IsApartFrom(victim.Start, victim.Length))
                yield return new Landing(address, constraint, victim);
        }
    }

    /// <summary>Places in padding, anywhere in the image, that a range's jmp rel32 may go to; one for each hole, by address.</summary>
    public IEnumerable<uint> FindFar(JumpRange range)
    {
        foreach (CodeRange hole in code.Holes)
        {
            uint low = (uint)hole.Start - range.Origin;
            uint last = (uint)hole.End - JumpRange.NearLength - range.Origin;
            while (range.Constraint.TryCeiling(low, out uint displacement) && displacement - low <= last - low)
            {
                uint address = range.Origin + displacement;
                if (range.IsApartFrom(address, JumpRange.NearLength) && ranges.IsFreePadding(address, JumpRange.NearLength))
                {
                    yield return address;
                    break;
                }

                low = displacement + 1;
                if (low > last)
                    break;
            }
        }
    }

    private bool IsPlace(JumpRange range, uint address) => range.IsApartFrom(address, JumpRange.NearLength)
        && (options.AllowPageCrossing || IsOnPage(address, range) && IsOnPage(address + JumpRange.NearLength - 1, range));

    private static bool IsOnPage(uint address, JumpRange range) => address / PageSize == range.Start / PageSize;

    // The instruction that an address is inside of; an address where one starts is none: a stray jump there would run the wrong trampoline.
    private bool TryHolder(uint address, out Instruction holder)
    {
        if (code.TryGetInstruction(address, out holder))
            return options.AllTargetsKnown;

        for (uint back = 1; back < LongestInstruction; back++)
        {
            if (code.TryGetInstruction(address - back, out holder))
                return holder.NextIP32 > address;
        }

        return false;
    }

    private static IEnumerable<int> Displacements(GuardKind kind)
    {
        for (int distance = 0; distance <= 128; distance++)
        {
            if (distance <= 127 && IsAllowed(kind, (byte)distance))
                yield return distance;
            if (distance > 0 && IsAllowed(kind, (byte)-distance))
                yield return -distance;
        }
    }

    private static bool IsAllowed(GuardKind kind, byte value) => kind switch
    {
        GuardKind.Any => true,
        GuardKind.Guard => GuardBytes.All.Contains(value),
        _ => GuardBytes.OneByte.Contains(value),
    };
}
