using Runtime.Engines.Direct.Host;

namespace Runtime.Engines.Direct.Paging;

/// <summary>Stub processes by guest address space, kept and reused; the least recently used one is given up when slots run out.</summary>
internal sealed class AddressSpaceCache(SharedFile control, SharedFile ram, FrameTable frames, int capacity) : IDisposable
{
    private readonly Dictionary<SpaceKey, AddressSpace> _spaces = [];
    private readonly Stack<int> _freeSlots = new(Enumerable.Range(0, capacity).Reverse());
    private long _clock;

    /// <summary>Base of the monitor window in spaces made from now on.</summary>
    public uint WindowBase { get; set; }

    public IReadOnlyCollection<AddressSpace> All => _spaces.Values;

    /// <summary>Stub processes started so far.</summary>
    public long Spawned { get; private set; }

    /// <summary>Finds or makes the space for a key.</summary>
    /// <param name="givenUp">Told of a process that had to make room.</param>
    /// <exception cref="HostCallException">The host refuses a new process.</exception>
    public AddressSpace Get(SpaceKey key, Action<StubProcess> givenUp)
    {
        if (!_spaces.TryGetValue(key, out AddressSpace? space))
        {
            if (_freeSlots.Count == 0)
            {
                AddressSpace oldest = _spaces.Values.MinBy(s => s.LastUsed)!;
                givenUp(oldest.Stub);
                GiveUp(oldest);
            }

            int slot = _freeSlots.Pop();
            Spawned++;
            space = new AddressSpace(key, new StubProcess(slot, control, ram), frames, WindowBase);
            _spaces.Add(key, space);
        }

        space.LastUsed = ++_clock;
        return space;
    }

    public void GiveUp(AddressSpace space)
    {
        _spaces.Remove(space.Key);
        _freeSlots.Push(space.Stub.Slot);
        space.Dispose();
    }

    public void Dispose()
    {
        foreach (AddressSpace space in _spaces.Values)
        {
            space.Stub.Dispose();
        }

        _spaces.Clear();
    }
}
