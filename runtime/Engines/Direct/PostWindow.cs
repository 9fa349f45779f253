// The monitor's end of the queue in the window through which shims post port writes.
using Runtime.Abi;
using Runtime.Engines.Patched;

namespace Runtime.Engines.Direct;

/// <summary>Opens the queue before the guest runs and empties it after.</summary>
internal sealed class PostWindow(PostedWrites posted)
{
    private const uint Unknown = uint.MaxValue;

    private uint _given;
    private uint _left;
    private ushort _masks;

    /// <summary>Writes what shims are to find, where that has changed.</summary>
    public void Open(WindowMemory window)
    {
        uint room = posted.AreAllowed ? (uint)MonitorWindow.Data.PostCapacity : 0;
        if (_masks != posted.InterruptMasks)
        {
            window[MonitorWindow.Data.InterruptMasks] = _masks = posted.InterruptMasks;
        }

        if (_left != room)
        {
            window[MonitorWindow.Data.PostRoom] = room;
        }

        _given = _left = room;
    }

    /// <summary>The kernel's gate has brought along how much room is left.</summary>
    public void Saw(uint virtualIf) => _left = virtualIf & (SwitcherLayout.Wanted - 1);

    /// <summary>The guest has run, and left by another way.</summary>
    public void Forget() => _left = Unknown;

    /// <summary>Takes what was posted. What the window says is the guest kernel's word, and it may write to any port anyway.</summary>
    public void Collect(WindowMemory window)
    {
        if (_left == Unknown)
        {
            _left = window[MonitorWindow.Data.PostRoom];
        }

        if (_left >= _given)
        {
            return;
        }

        for (uint at = _given; at-- > _left;)
        {
            uint entry = window[MonitorWindow.Data.PostQueue + (4 * at)];
            posted.Add(new PortWrite((byte)entry, (byte)(entry >> 8)));
        }

        // Their masks are in the window already; those that the run loop gives next may be the same.
        _masks = (ushort)window[MonitorWindow.Data.InterruptMasks];
    }
}
