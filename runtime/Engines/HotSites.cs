// Exits by guest address. Reading a clock costs as much as a short exit, so sites that are short and frequent are timed by samples.
namespace Runtime.Engines;

/// <summary>A table of fixed size: what does not fit is counted together, at address 0.</summary>
public sealed class HotSites
{
    private const int Capacity = 32768;
    private const int Probes = 16;
    private const int CertainSamples = 32;
    private const int SampleInterval = 16;
    private const long ShortNanoseconds = 3_000;

    private readonly Site[] _table = new Site[Capacity + 1];
    private uint _random = 1;

    /// <summary>The account of an address; valid until the next call.</summary>
    public ref Site At(uint eip) => ref _table[IndexOf(eip)];

    /// <summary>An account by its <see cref="IndexOf"/>.</summary>
    public ref Site this[int index] => ref _table[index];

    /// <summary>Where the account of an address is, for good.</summary>
    public int IndexOf(uint eip)
    {
        uint start = eip * 2_654_435_761u >> 17; // Fibonacci hashing down to the 15 bits of Capacity
        for (uint i = 0; i < Probes; i++)
        {
            int index = (int)(start + i & Capacity - 1);
            ref Site site = ref _table[index];
            if (site.Eip == eip && site.IsTaken)
            {
                return index;
            }

            if (!site.IsTaken)
            {
                (site.Eip, site.IsTaken) = (eip, true);
                return index;
            }
        }

        return Capacity;
    }

    /// <summary>Whether the next exit at a site should be timed: the first ones, all at sites where they take long, and some of the rest.</summary>
    public bool WantsTiming(ref readonly Site site)
    {
        if (site.TimedCount < CertainSamples || site.AverageNanoseconds > ShortNanoseconds)
        {
            return true;
        }

        _random = _random * 1_664_525 + 1_013_904_223;
        return _random >> 16 < ushort.MaxValue / SampleInterval;
    }

    /// <summary>The sites that took most time, the worst first.</summary>
    public IReadOnlyList<Site> Hottest(int count)
        => [.. _table.Where(site => site.Count > 0).OrderByDescending(site => site.Nanoseconds).ThenBy(site => site.Eip).Take(count)];

    /// <summary>Exits at one address.</summary>
    public struct Site
    {
        private long _timedNanoseconds;

        /// <summary>Linear as the guest sees it.</summary>
        public uint Eip { get; internal set; }

        public long Count { get; private set; }

        internal bool IsTaken { get; set; }

        public long TimedCount { get; private set; }

        public readonly long AverageNanoseconds => TimedCount == 0 ? 0 : _timedNanoseconds / TimedCount;

        /// <summary>All exits, those that were not timed at the average of the others.</summary>
        public readonly long Nanoseconds => TimedCount == Count ? _timedNanoseconds : AverageNanoseconds * Count;

        public void AddTimed(long nanoseconds)
        {
            Count++;
            TimedCount++;
            _timedNanoseconds += nanoseconds;
        }

        public void AddUntimed() => Count++;
    }
}
