using Runtime.Engines.Direct.Host;

namespace Runtime.Engines.Direct.Paging;

/// <summary>Stub processes by guest address space, kept and reused.</summary>
internal sealed class AddressSpaceCache(SharedFile control, SharedFile ram, FrameTable frames, int capacity) : IDisposable
{
    private readonly Dictionary<SpaceKey, AddressSpace> _spaces = [];
    private readonly Stack<int> _freeSlots = new(Enumerable.Range(0, capacity).Reverse());
    private long _clock;

    /// <summary>Where all of the processes run.</summary>
    public ProcessorPlacement Placement { get; } = new();

    /// <summary>Base of the monitor window in spaces made from now on.</summary>
    public uint WindowBase { get; set; }

    public IReadOnlyCollection<AddressSpace> All => _spaces.Values;

    /// <summary>Stub processes started so far.</summary>
    public long Spawned { get; private set; }

    /// <summary>Finds or makes the space for a key. When there are enough processes, the one that was used longest ago gets the new key:
    /// what it holds is then compared with the new page tables like after any CR3 load, and the kernel's half mostly stays.</summary>
    /// <exception cref="HostCallException">The host refuses a new process.</exception>
    public AddressSpace Get(SpaceKey key)
    {
        if (!_spaces.TryGetValue(key, out AddressSpace? space))
        {
            space = Reuse(key) ?? Spawn(key);
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

    private AddressSpace Spawn(SpaceKey key)
    {
        Spawned++;
        return new AddressSpace(key, new StubProcess(_freeSlots.Pop(), control, ram, Placement), frames, WindowBase);
    }

    private AddressSpace? Reuse(SpaceKey key)
    {
        if (_freeSlots.Count > 0)
        {
            return null;
        }

        // The user half and the kernel half of one guest address space hold different things where they are processes of their own.
        AddressSpace oldest = _spaces.Values.Where(space => space.Key.User == key.User).MinBy(space => space.LastUsed)
            ?? _spaces.Values.MinBy(space => space.LastUsed)!;
        _spaces.Remove(oldest.Key);
        if (oldest.Key.User != key.User)
        {
            oldest.Wipe();
        }

        oldest.Key = key;
        oldest.ValidatedAt = 0;
        return oldest;
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
