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
    private long _runNanoseconds;
    private long _insideNanoseconds;

    public IReadOnlyList<ExitCounter> Reasons => _counters;

    public HotSites Sites { get; } = new();

    /// <summary>Time in guest code: in <see cref="IExecutionEngine.Run"/>, less what the engine spent there on exits of its own.</summary>
    public long GuestNanoseconds => Math.Max(0, _runNanoseconds - _insideNanoseconds);

    /// <summary>Opens an account; to be done once per reason, the result is kept by the caller.</summary>
    public ExitCounter Open(string reason)
    {
        var counter = new ExitCounter(reason);
        _counters.Add(counter);
        return counter;
    }

    /// <summary>An exit that the run loop settled.</summary>
    /// <param name="running">Nanoseconds in <see cref="IExecutionEngine.Run"/> before it.</param>
    /// <param name="settling">Nanoseconds that the run loop took over it.</param>
    public void Record(ExitCounter counter, uint eip, long running, long settling)
    {
        _runNanoseconds += running;
        counter.Add(settling);
        Sites.Add(eip, settling);
    }

    /// <summary>An exit that the engine settled inside <see cref="IExecutionEngine.Run"/>.</summary>
    public void RecordInside(ExitCounter counter, uint eip, long settling)
    {
        _insideNanoseconds += settling;
        counter.Add(settling);
        Sites.Add(eip, settling);
    }
}
