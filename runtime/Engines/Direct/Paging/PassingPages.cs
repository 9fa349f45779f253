// Pages that a kernel maps for a moment: Linux shows itself high memory by a few of them in turn (kmap_local), each time another frame, and unmaps
// it by INVLPG.
namespace Runtime.Engines.Direct.Paging;

/// <summary>Remembers which pages the guest keeps unmapping. To show one costs three system calls, which is more than to do one string instruction for
/// the guest; but what is accessed again and again is shown after all.</summary>
internal sealed class PassingPages
{
    /// <summary>Pages remembered; a kernel has a few for each processor.</summary>
    private const int Capacity = 1024;

    /// <summary>Times that a page is unmapped before it counts as one of these.</summary>
    private const int Patience = 4;

    private readonly Dictionary<uint, (int Times, bool IsFresh)> _pages = [];

    /// <summary>The guest has invalidated a page that its tables do not show.</summary>
    public void Unmapped(uint page)
    {
        if (_pages.Count == Capacity)
        {
            _pages.Clear();
        }

        int times = _pages.GetValueOrDefault(page).Times;
        _pages[page] = (Math.Min(times + 1, Patience), true);
    }

    /// <summary>Whether the page is one of these and has not been accessed since it was unmapped last, as far as the monitor knows.</summary>
    public bool TryTake(uint page)
    {
        if (!_pages.TryGetValue(page, out (int Times, bool IsFresh) known) || known.Times < Patience || !known.IsFresh)
        {
            return false;
        }

        _pages[page] = known with { IsFresh = false };
        return true;
    }
}
