namespace Runtime.Engines;

/// <summary>Port writes that guest code made without an exit: ports of which nothing that the guest can see depends on when they are written, as
/// long as the run loop says so. It performs them, in order, after each <see cref="IExecutionEngine.Run"/> and before the exit itself.</summary>
public sealed class PostedWrites
{
    private readonly List<(ushort Port, byte Value)> _writes = [];

    /// <summary>Whether the guest may post until the next exit: no interrupt request waits at the controllers, none of them is half programmed.
    /// Requests come only from the run loop's own thread, after an exit.</summary>
    public bool AreAllowed { get; private set; }

    /// <summary>Master's in bits 0 to 7, slave's in bits 8 to 15.</summary>
    public ushort InterruptMasks { get; private set; }

    /// <summary>Writes of one byte each that are to be performed now.</summary>
    public IReadOnlyList<(ushort Port, byte Value)> Pending => _writes;

    /// <summary>Says what holds until the next exit.</summary>
    public void Allow(bool areAllowed, byte masterMask, byte slaveMask)
        => (AreAllowed, InterruptMasks) = (areAllowed, (ushort)(masterMask | slaveMask << 8));

    public void Add(ushort port, byte value) => _writes.Add((port, value));

    public void Clear() => _writes.Clear();
}
