// What a run cost and where: counted by the run loop for exits that reach it, and by an engine for those that it settles itself.
namespace Runtime.Engines;

/// <summary>How often something happened and how long it took in all.</summary>
public sealed class ExitCounter(string reason)
{
    public string Reason { get; } = reason;

    public long Count { get; private set; }

    public long Nanoseconds { get; private set; }

    private long _timed;
    private long _timedNanoseconds;

    public void Add(long nanoseconds)
    {
        Count++;
        Nanoseconds += nanoseconds;
    }

    /// <summary>One of the few that are timed, where the others are taken to have lasted as long.</summary>
    public void AddSample(long nanoseconds)
    {
        _timed++;
        _timedNanoseconds += nanoseconds;
        Add(nanoseconds);
    }

    public void AddUntimed() => Add(_timed == 0 ? 0 : _timedNanoseconds / _timed);
}

/// <summary>How closely exits are looked at.</summary>
public enum ExitDetail
{
    /// <summary>Not at all, to see what looking costs.</summary>
    None,

    /// <summary>All are counted, one in <see cref="ExitCounters.SampleInterval"/> is timed: for guests that run for long.</summary>
    Counts,

    /// <summary>Counted and timed, by reason and by address.</summary>
    Sites,
}

/// <summary>The accounts of one virtual processor. One thread at a time.</summary>
public sealed class ExitCounters
{
    private readonly List<ExitCounter> _counters = [];

    public IReadOnlyList<ExitCounter> Reasons => _counters;

    public HotSites Sites { get; } = new();

    public const int SampleInterval = 32;
    private int _untilSample;

    public ExitDetail Detail { get; init; } = ExitDetail.Sites;

    /// <summary>Whether the exit that begins should be timed, as far as it is not for its site to say.</summary>
    public bool WantsTiming()
    {
        if (Detail != ExitDetail.Counts)
        {
            return Detail == ExitDetail.Sites;
        }

        _untilSample = _untilSample == 0 ? SampleInterval - 1 : _untilSample - 1;
        return _untilSample == 0;
    }

    /// <summary>The account of an address, where addresses have one.</summary>
    public ref HotSites.Site SiteOf(uint eip) => ref Detail == ExitDetail.Sites ? ref Sites.At(eip) : ref Sites[0];

    /// <summary>Whether the exit that begins at a site should be timed.</summary>
    public bool WantsTiming(ref HotSites.Site site) => Detail == ExitDetail.Sites ? Sites.WantsTiming(ref site) : WantsTiming();

    /// <summary>Time that the run loop and the engine took over exits.</summary>
    public long SettlingNanoseconds => _counters.Sum(counter => counter.Nanoseconds);

    /// <summary>What makes the guest's process give up the processor. Other reasons say what the run loop made of one of these, or that it was kicked
    /// while the guest was not running.</summary>
    private static readonly string[] s_leavings =
        ["Hypercall", "Trap", "ShadowFault", "GuestPageFault", "CodeAccess", "CodeWrite", "Scan", "GuardHit", "Kick"];

    /// <summary>Times that the guest was left by reason, each counted once. Of a guest that runs natively; others have nothing to leave.</summary>
    public IReadOnlyDictionary<string, long> LeavingsByReason()
        => _counters.Where(counter => s_leavings.Contains(counter.Reason)).ToDictionary(counter => counter.Reason, counter => counter.Count);

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
        switch (Detail)
        {
            case ExitDetail.Sites:
                counter.Add(nanoseconds);
                Sites.At(eip).AddTimed(nanoseconds);
                break;
            case ExitDetail.Counts:
                counter.AddSample(nanoseconds);
                break;
        }
    }

    /// <summary>An exit that was not timed: it is taken to have lasted as long as others at its site, or of its kind.</summary>
    /// <param name="site">Not looked at where sites are not kept.</param>
    public void RecordUntimed(ExitCounter counter, ref HotSites.Site site)
    {
        switch (Detail)
        {
            case ExitDetail.Sites:
                counter.Add(site.AverageNanoseconds);
                site.AddUntimed();
                break;
            case ExitDetail.Counts:
                counter.AddUntimed();
                break;
        }
    }
}
