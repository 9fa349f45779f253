using System.Collections.Frozen;

namespace Runtime.Engines;

/// <summary>
/// The sites whose hypercalls an engine hands to the run loop instead of settling them itself. Set from any thread; the functions before
/// the guest starts, since code that was scanned before does not know of them.
/// </summary>
public sealed class ReturnedSites
{
    private volatile bool[] _isReturned = [];
    private volatile FrozenDictionary<uint, uint> _functions = FrozenDictionary<uint, uint>.Empty;

    public bool Contains(uint site)
    {
        bool[] sites = _isReturned;
        return site < (uint)sites.Length && sites[site];
    }

    /// <summary>Whether a function begins at a linear address that a shim stands in for when the guest kernel calls it.</summary>
    /// <param name="site">Its site.</param>
    public bool TryFindFunction(uint address, out uint site)
    {
        FrozenDictionary<uint, uint> functions = _functions;
        site = 0;
        return functions.Count != 0 && functions.TryGetValue(address, out site);
    }

    /// <param name="isReturned">By site index of the image's plan.</param>
    /// <param name="functions">Site indices of replaced functions by address.</param>
    public void Set(bool[] isReturned, IReadOnlyDictionary<uint, uint> functions)
    {
        _functions = functions.ToFrozenDictionary();
        _isReturned = isReturned;
    }
}
