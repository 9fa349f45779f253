namespace Runtime.Engines;

/// <summary>A write of one byte to a port.</summary>
public readonly record struct PortWrite(ushort Port, byte Value);

/// <summary>Port writes that guest code made without an exit: ports of which nothing that the guest can see depends on when they are written, as
/// long as the run loop says so. It performs them, in order, after each <see cref="IExecutionEngine.Run"/> and before the exit itself.</summary>
/// <param name="capacity">Writes at most between two exits.</param>
public sealed class PostedWrites(int capacity)
{
    // An array of a type of our own: a generic collection would have to be compiled at the first write, which takes milliseconds of the guest's time.
    private readonly PortWrite[] _writes = new PortWrite[capacity];
    private int _count;

    /// <summary>Whether the guest may post until the next exit: no interrupt request waits at the controllers, none of them is half programmed.
    /// Requests come only from the run loop's own thread, after an exit.</summary>
    public bool AreAllowed { get; private set; }

    /// <summary>Master's in bits 0 to 7, slave's in bits 8 to 15.</summary>
    public ushort InterruptMasks { get; private set; }

    /// <summary>What is to be performed now.</summary>
    public ReadOnlySpan<PortWrite> Pending => _writes.AsSpan(0, _count);

    /// <summary>Says what holds until the next exit.</summary>
    public void Allow(bool areAllowed, byte masterMask, byte slaveMask)
        => (AreAllowed, InterruptMasks) = (areAllowed, (ushort)(masterMask | slaveMask << 8));

    public void Add(PortWrite write) => _writes[_count++] = write;

    public void Clear() => _count = 0;
}
