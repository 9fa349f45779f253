namespace Runtime.Engines;

/// <summary>Exits by guest EIP, in a table of fixed size: what does not fit is counted together.</summary>
public sealed class HotSites
{
    private const int Capacity = 8192;
    private const int Probes = 16;
    private readonly Site[] _table = new Site[Capacity];

    /// <summary>Exits at sites for which the table had no room.</summary>
    public long OtherCount { get; private set; }

    public void Add(uint eip, long nanoseconds)
    {
        uint start = eip * 2_654_435_761u >> 19; // Fibonacci hashing down to the 13 bits of Capacity
        for (uint i = 0; i < Probes; i++)
        {
            ref Site site = ref _table[start + i & Capacity - 1];
            if (site.Eip == eip || site.Count == 0)
            {
                site = new Site(eip, site.Count + 1, site.Nanoseconds + nanoseconds);
                return;
            }
        }

        OtherCount++;
    }

    /// <summary>The sites that took most time, the worst first.</summary>
    public IReadOnlyList<Site> Hottest(int count)
        => [.. _table.Where(site => site.Count > 0).OrderByDescending(site => site.Nanoseconds).ThenBy(site => site.Eip).Take(count)];

    /// <param name="Eip">Linear as the guest sees it.</param>
    public readonly record struct Site(uint Eip, long Count, long Nanoseconds);
}
