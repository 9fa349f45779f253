using Rewriter.Patching;

namespace Runtime.Engines.Patched;

/// <summary>Finds the patch that an address in the monitor window belongs to.</summary>
internal sealed class TrampolineIndex
{
    private readonly List<LivePatch> _byAddress = [];

    public void Add(LivePatch live) => _byAddress.Insert(FirstAfter(live.Patch.TrampolineAddress), live);

    public void Remove(LivePatch live) => _byAddress.Remove(live);

    public void Clear() => _byAddress.Clear();

    /// <summary>The patch whose trampoline holds the address, and the map entry that the address belongs to.</summary>
    public bool TryFind(uint address, out LivePatch live, out TrampolineMapEntry entry)
    {
        int index = FirstAfter(address) - 1;
        if (index >= 0)
        {
            live = _byAddress[index];
            uint offset = address - live.Patch.TrampolineAddress;
            if (offset < (uint)live.Patch.Trampoline.Length)
            {
                return TryFindEntry(live.Patch, (int)offset, out entry);
            }
        }

        live = null!;
        entry = default;
        return false;
    }

    private static bool TryFindEntry(Patch patch, int offset, out TrampolineMapEntry entry)
    {
        for (int i = patch.Map.Count - 1; i >= 0; i--)
        {
            if (patch.Map[i].Offset <= offset)
            {
                entry = patch.Map[i];
                return true;
            }
        }

        entry = default;
        return false;
    }

    private int FirstAfter(uint address)
    {
        int low = 0, high = _byAddress.Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (_byAddress[middle].Patch.TrampolineAddress <= address)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low;
    }
}
