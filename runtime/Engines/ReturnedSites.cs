namespace Runtime.Engines;

/// <summary>
/// The sites whose hypercalls an engine hands to the run loop instead of settling them itself. Set from any thread, at any time.
/// </summary>
public sealed class ReturnedSites
{
    private volatile bool[] _isReturned = [];

    public bool Contains(uint site)
    {
        bool[] sites = _isReturned;
        return site < (uint)sites.Length && sites[site];
    }

    /// <param name="isReturned">By site index of the image's plan.</param>
    public void Set(bool[] isReturned) => _isReturned = isReturned;
}
