// Hands out places for trampolines in the monitor window: the lowest free address that gives a jump's displacement its guards.
using Runtime.Abi;

namespace Rewriter.Patching;

/// <summary>The free space of the trampoline area. Deterministic: the same calls give the same addresses. Not thread-safe.</summary>
public sealed class WindowAllocator
{
    private readonly Gap _all;
    private readonly List<Gap> _gaps;

    /// <param name="windowBase">Base of the monitor window.</param>
    public WindowAllocator(uint windowBase)
        : this(windowBase, windowBase + MonitorWindow.TrampolineOffset, windowBase + (MonitorWindow.Size - 1))
    {
    }

    private WindowAllocator(uint windowBase, uint first, uint last)
    {
        WindowBase = windowBase;
        _all = new Gap(first, last);
        _gaps = [_all];
    }

    /// <summary>Trampolines elsewhere: in the image itself, where no window is.</summary>
    public static WindowAllocator Within(uint first, uint last) => new(0, first, last);

    // First and last free byte: the window may end at 4 GiB.
    private readonly record struct Gap(uint First, uint Last);

    /// <summary>0 where there is no window.</summary>
    public uint WindowBase { get; }

    /// <summary>Bytes not handed out.</summary>
    public long FreeBytes => _gaps.Sum(gap => gap.Last - gap.First + 1L);

    /// <summary>Takes <paramref name="size"/> bytes at the lowest address A for which A - <paramref name="origin"/> obeys the
    /// constraint.</summary>
    /// <param name="origin">Address after the jump, which its displacement counts from.</param>
    public bool TryAllocate(int size, uint origin, GuardConstraint constraint, out uint address)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(size, 1);
        for (int i = 0; i < _gaps.Count; i++)
        {
            if (TryPlace(_gaps[i], size, origin, constraint, out address))
            {
                Take(i, address, size);
                return true;
            }
        }

        address = 0;
        return false;
    }

    /// <summary>Whether any address of an empty window would do.</summary>
    public bool IsFeasible(uint origin, GuardConstraint constraint) =>
        constraint.IsNone || TryPlace(_all, 1, origin, constraint, out _);

    /// <summary>Takes a given place, which must be free.</summary>
    public void Reserve(uint address, int size)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(size, 1);
        int index = _gaps.FindIndex(gap => gap.First <= address && address - gap.First <= gap.Last - gap.First && (uint)(size - 1) <= gap.Last - address);
        if (index < 0)
            throw new InvalidOperationException($"window bytes {address:x8}..{address + (uint)(size - 1):x8} are not free");
        Take(index, address, size);
    }

    /// <summary>Gives back what <see cref="TryAllocate"/> handed out, or a part of it.</summary>
    public void Free(uint address, int size)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(size, 1);
        uint last = address + (uint)(size - 1);
        int next = _gaps.FindIndex(gap => gap.First > address);
        next = next < 0 ? _gaps.Count : next;
        if (next > 0 && _gaps[next - 1].Last >= address || next < _gaps.Count && _gaps[next].First <= last)
            throw new InvalidOperationException($"window bytes {address:x8}..{last:x8} are free already");

        var freed = new Gap(address, last);
        if (next < _gaps.Count && _gaps[next].First - 1 == last)
        {
            freed = freed with { Last = _gaps[next].Last };
            _gaps.RemoveAt(next);
        }

        if (next > 0 && _gaps[next - 1].Last + 1 == address)
            _gaps[next - 1] = _gaps[next - 1] with { Last = freed.Last };
        else
            _gaps.Insert(next, freed);
    }

    private static bool TryPlace(Gap gap, int size, uint origin, GuardConstraint constraint, out uint address)
    {
        address = 0;
        if (gap.Last - gap.First < (uint)(size - 1))
            return false;

        uint low = gap.First - origin;
        uint high = gap.Last - (uint)(size - 1) - origin;
        if (!constraint.TryCeiling(low, out uint displacement))
        {
            // Nothing up to 0xFFFFFFFF: start over at 0 where the displacements of this gap wrap.
            if (low <= high || !constraint.TryCeiling(0, out displacement))
                return false;
        }
        else if (low > high)
        {
            address = origin + displacement;
            return true;
        }

        address = origin + displacement;
        return displacement <= high;
    }

    private void Take(int index, uint address, int size)
    {
        Gap gap = _gaps[index];
        uint last = address + (uint)(size - 1);
        _gaps.RemoveAt(index);
        if (last != gap.Last)
            _gaps.Insert(index, gap with { First = last + 1 });
        if (address != gap.First)
            _gaps.Insert(index, gap with { Last = address - 1 });
    }
}
