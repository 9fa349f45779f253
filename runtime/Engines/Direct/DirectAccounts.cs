using System.Diagnostics;
using Runtime.Engines.Patched;

namespace Runtime.Engines.Direct;

/// <summary>The accounts of the exits that the direct engine settles itself: how often each kind came, how long it took, and where.</summary>
internal sealed class DirectAccounts(ExitCounters counters)
{
    private ExitCounter? _kind;
    private uint _eip;
    private long _began;
    private bool _isTimed;
    private int _account;

    /// <summary>A shim asked by the gate.</summary>
    public ExitCounter Hypercall { get; } = counters.Open("Hypercall");

    /// <summary>An instruction trapped and was emulated.</summary>
    public ExitCounter Trap { get; } = counters.Open("Trap");

    /// <summary>A page of the shadow was filled.</summary>
    public ExitCounter ShadowFault { get; } = counters.Open("ShadowFault");

    /// <summary>A page fault that is the guest's own.</summary>
    public ExitCounter GuestPageFault { get; } = counters.Open("GuestPageFault");

    /// <summary>Data was accessed in an execute-only copy.</summary>
    public ExitCounter CodeAccess { get; } = counters.Open("CodeAccess");

    /// <summary>A frame with patched copies was written.</summary>
    public ExitCounter CodeWrite { get; } = counters.Open("CodeWrite");

    /// <summary>Code was met that had not been scanned.</summary>
    public ExitCounter Scan { get; } = counters.Open("Scan");

    /// <summary>A stray jump into a displaced range hit a guard byte.</summary>
    public ExitCounter GuardHit { get; } = counters.Open("GuardHit");

    /// <summary>Another thread wanted the processor back.</summary>
    public ExitCounter Kick { get; } = counters.Open("Kick");

    /// <summary>A kick struck inside a shim, which was finished by the interpreter.</summary>
    public ExitCounter RollForward { get; } = counters.Open("RollForward");

    /// <summary>A stub process was started.</summary>
    public ExitCounter Spawn { get; } = counters.Open("Spawn");

    /// <summary>The guest wanted the place of the monitor window.</summary>
    public ExitCounter WindowMove { get; } = counters.Open("WindowMove");

    /// <summary>An exit begins to be settled.</summary>
    public void Begin()
    {
        _kind = null;
        Time(counters.WantsTiming());
    }

    /// <summary>A hypercall begins to be settled. Those are so short that not each one is worth being timed.</summary>
    public void BeginHypercall(CodeSite site)
    {
        (_kind, _eip) = (Hypercall, site.Address);
        if (counters.Detail != ExitDetail.Sites)
        {
            Time(counters.WantsTiming());
            return;
        }

        if (site.Account < 0)
        {
            site.Account = counters.Sites.IndexOf(site.Address);
        }

        _account = site.Account;
        Time(counters.Sites.WantsTiming(ref counters.Sites[_account]));
    }

    /// <summary>Says what the exit is; the last word counts.</summary>
    public void Is(ExitCounter kind, uint eip) => (_kind, _eip) = (kind, eip);

    /// <summary>The exit is settled.</summary>
    public void End()
    {
        if (_kind is null)
        {
            return;
        }

        if (_isTimed)
        {
            counters.Record(_kind, _eip, (long)Stopwatch.GetElapsedTime(_began).TotalNanoseconds);
        }
        else
        {
            counters.RecordUntimed(_kind, ref counters.Sites[_account]);
        }

        _kind = null;
    }

    private void Time(bool isWanted)
    {
        _isTimed = isWanted;
        if (isWanted)
        {
            _began = Stopwatch.GetTimestamp();
        }
    }
}
