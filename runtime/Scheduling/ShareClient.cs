namespace Runtime.Scheduling;

/// <summary>Where a client of the scheduler stands.</summary>
public enum ClientState
{
    /// <summary>It has nothing to run.</summary>
    Blocked,

    /// <summary>It waits for a processor.</summary>
    Ready,

    /// <summary>It has one.</summary>
    Running,
}

/// <summary>One competitor for processor time: a guest's virtual processor. Times are in nanoseconds.</summary>
/// <param name="weight">Its part of what is shared, relative to the others' weights; 1 or more.</param>
/// <param name="cap">The most it may use even when processors are idle, in processors; 1 is no cap.</param>
public sealed class ShareClient(string name, int weight = 100, double cap = 1)
{
    public string Name { get; } = name;

    public int Weight { get; } = weight;

    public double Cap { get; } = cap;

    public ClientState State { get; internal set; }

    /// <summary>What the ideal fluid scheduler would have given to it by now, less what it got: positive while it is owed.</summary>
    public double Lag { get; internal set; }

    /// <summary>The part of a processor that it is entitled to while those who compete now do so.</summary>
    public double Rate { get; internal set; }

    /// <summary>Blocked, but ahead of the fluid, which goes on serving it until it has caught up.</summary>
    internal bool IsLeaving { get; set; }

    /// <summary>What is left of the time that it asked for.</summary>
    internal long Request { get; set; }

    /// <summary>It has just woken and asked for little: while it is not ahead of the fluid it goes before all who compute.</summary>
    internal bool IsUrgent { get; set; }

    internal CapBudget? Budget { get; set; }

    /// <summary>Place in the order of arrival, which settles ties.</summary>
    internal long Order { get; set; }

    /// <summary>When the fluid will have served its request, in time of the fluid: the earliest goes first.</summary>
    internal double Deadline => (Request - Lag) / Rate;

    public override string ToString() => Name;
}
