// The processor as both machines had it when they last agreed.
using Runtime.Engines;

namespace Runtime.Lockstep;

/// <summary>All but RAM that a stretch of guest code begins with.</summary>
internal sealed class AgreedState(LockstepSide reference, LockstepSide subject)
{
    private readonly VcpuState _state = new();
    private long _time;

    /// <summary>Both are alike now.</summary>
    public void Keep()
    {
        reference.State.CopyTo(_state);
        _time = reference.Clock.Current;
    }

    /// <summary>Takes both back.</summary>
    public void Restore()
    {
        foreach (LockstepSide side in new[] { reference, subject })
        {
            _state.CopyTo(side.State);
            side.Clock.Current = _time;
        }
    }
}
