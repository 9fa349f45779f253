using System.Runtime.InteropServices;
using Runtime.Abi.Xen;
using Runtime.Time;

namespace Runtime.Paravirt.Xen;

/// <summary>Accounts for what the virtual processor does: running, waiting for a processor of the host, or blocked. Times are nanoseconds of
/// system time.</summary>
internal sealed class RunstateClock(IClock clock, GuestArea area)
{
    private long _waited;
    private volatile bool _isBlocked;
    private RunstateInfo _info = new() { State = Runstate.Running, EntryTime = (ulong)clock.Now };

    /// <summary>How long the guest has been kept from running so far, in nanoseconds: its <c>top</c> shows it as stolen.</summary>
    public Func<long> Waited { get; set; } = () => 0;

    /// <summary>The guest waits for an event. A glance from any thread.</summary>
    public bool IsBlocked => _isBlocked;

    /// <summary>Where the guest wants to see it.</summary>
    public GuestArea Area => area;

    public RunstateInfo Read()
    {
        Enter(_info.State);
        return _info;
    }

    public void Enter(Runstate state)
    {
        ulong now = (ulong)clock.Now, spent = now - _info.EntryTime;
        long waited = Waited();
        ulong runnable = Math.Min((ulong)Math.Max(0, waited - _waited), spent);
        _waited = waited;
        _info.Runnable += runnable;
        spent -= runnable;
        if (_info.State == Runstate.Blocked)
        {
            _info.Blocked += spent;
        }
        else
        {
            _info.Running += spent;
        }

        (_info.State, _info.EntryTime) = (state, now);
        _isBlocked = state == Runstate.Blocked;
    }

    /// <returns>False when it cannot be written.</returns>
    public bool TryPublish()
    {
        RunstateInfo info = Read();
        return area.TryWrite(MemoryMarshal.AsBytes(new ReadOnlySpan<RunstateInfo>(in info)));
    }
}
