// The memory that a guest has: its RAM, less the frames that its balloon has given back.
namespace Runtime.Memory;

/// <summary>Which frames belong to the guest. Safe to ask from any thread; changed on the vcpu's thread.</summary>
public sealed class Reservation(GuestMemory memory)
{
    private readonly bool[] _isGivenBack = new bool[memory.FrameCount];
    private uint _limit = uint.MaxValue;

    /// <summary>Frames that the guest has at the moment.</summary>
    public uint Current { get; private set; } = (uint)(memory.RamLength >> 12);

    /// <summary>Frames that it can have.</summary>
    public uint Maximum => (uint)(memory.RamLength >> 12);

    /// <summary>Frames up to which it gets back what it has given back. Any thread.</summary>
    public uint Limit
    {
        get => Volatile.Read(ref _limit);
        set => Volatile.Write(ref _limit, value);
    }

    /// <summary>Whether a frame is RAM that the guest has.</summary>
    public bool IsOwned(uint frame) => frame < Maximum && !Volatile.Read(ref _isGivenBack[frame]);

    /// <summary>Whether something of the hypervisor's may be put at a frame: RAM that the guest has, or device memory.</summary>
    public bool CanPlace(uint frame) => frame < memory.FrameCount && !Volatile.Read(ref _isGivenBack[frame]);

    /// <summary>Takes a frame from the guest. Its contents are gone.</summary>
    /// <returns>False when it has no such frame.</returns>
    public bool TryGiveBack(uint frame)
    {
        if (!IsOwned(frame))
        {
            return false;
        }

        Volatile.Write(ref _isGivenBack[frame], true);
        memory.Discard(frame);
        memory.StoredByDevice?.Invoke(new GuestPhysicalAddress((ulong)frame << 12), GuestMemory.FrameSize);
        Current--;
        return true;
    }

    /// <summary>Gives the guest a frame that it had given back, zero-filled.</summary>
    /// <returns>False when it was not given back, or the guest has as much as it may.</returns>
    public bool TryPopulate(uint frame)
    {
        if (frame >= Maximum || !_isGivenBack[frame] || Current >= Limit)
        {
            return false;
        }

        memory.FrameBytes(frame).Clear();
        Volatile.Write(ref _isGivenBack[frame], false);
        Current++;
        return true;
    }
}
