// What a run cost and where: counted by the run loop for exits that reach it, and by an engine for those that it settles itself.
namespace Runtime.Engines;

/// <summary>How often something happened and how long it took in all.</summary>
public sealed class ExitCounter(string reason)
{
    public string Reason { get; } = reason;

    public long Count { get; private set; }

    public long Nanoseconds { get; private set; }

    public void Add(long nanoseconds)
    {
        Count++;
        Nanoseconds += nanoseconds;
    }
}

/// <summary>The accounts of one virtual processor. One thread at a time.</summary>
public sealed class ExitCounters
{
    private readonly List<ExitCounter> _counters = [];

    public IReadOnlyList<ExitCounter> Reasons => _counters;

    public HotSites Sites { get; } = new();

    /// <summary>Time that the run loop and the engine took over exits.</summary>
    public long SettlingNanoseconds => _counters.Sum(counter => counter.Nanoseconds);

    /// <summary>The account of a reason; the caller keeps it.</summary>
    public ExitCounter Open(string reason)
    {
        if (_counters.Find(open => open.Reason == reason) is ExitCounter existing)
        {
            return existing;
        }

        var counter = new ExitCounter(reason);
        _counters.Add(counter);
        return counter;
    }

    /// <summary>An exit that took so long.</summary>
    public void Record(ExitCounter counter, uint eip, long nanoseconds)
    {
        counter.Add(nanoseconds);
        Sites.At(eip).AddTimed(nanoseconds);
    }

    /// <summary>An exit that was not timed: it is taken to have lasted as long as others at its site.</summary>
    public void RecordUntimed(ExitCounter counter, ref HotSites.Site site)
    {
        counter.Add(site.AverageNanoseconds);
        site.AddUntimed();
    }
}
