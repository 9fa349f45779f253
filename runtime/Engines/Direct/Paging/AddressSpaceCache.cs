using Runtime.Engines.Direct.Host;

namespace Runtime.Engines.Direct.Paging;

/// <summary>Stub processes by guest address space, kept and reused.</summary>
/// <param name="capacity">Processes at most.</param>
/// <param name="isAbandoned">Whether the guest has given up the page directory of a space.</param>
internal sealed class AddressSpaceCache(SharedFile control, SharedFile ram, FrameTable frames, int capacity, Predicate<AddressSpace> isAbandoned) : IDisposable
{
    private readonly Dictionary<SpaceKey, AddressSpace> _spaces = [];
    private readonly Stack<int> _freeSlots = new(Enumerable.Range(0, capacity).Reverse());
    private long _clock;
    private long _processorTime;

    /// <summary>Where all of the processes run.</summary>
    public ProcessorPlacement Placement { get; } = new();

    /// <summary>Base of the monitor window in spaces made from now on.</summary>
    public uint WindowBase { get; set; }

    public IReadOnlyCollection<AddressSpace> All => _spaces.Values;

    /// <summary>Stub processes started so far.</summary>
    public long Spawned { get; private set; }

    /// <summary>Finds or makes the space for a key. A process that gets a new key keeps what it holds: that is then compared with the new page
    /// tables like after any CR3 load, and the kernel's half mostly stays.</summary>
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

    /// <summary>The space for a key, if there is one.</summary>
    public AddressSpace? Find(SpaceKey key) => _spaces.GetValueOrDefault(key);

    /// <summary>Processor time of all stub processes, those that are gone included, in nanoseconds.</summary>
    public long ReadProcessorTime()
    {
        foreach (AddressSpace space in _spaces.Values)
        {
            _processorTime += space.Stub.TakeProcessorTime();
        }

        return _processorTime;
    }

    /// <summary>Keeps stub processes on one processor, with the calling thread.</summary>
    public void Bind(int processor) => Placement.Bind(processor);

    public void GiveUp(AddressSpace space)
    {
        _processorTime += space.Stub.TakeProcessorTime();
        _spaces.Remove(space.Key);
        _freeSlots.Push(space.Stub.Slot);
        space.Dispose();
    }

    private AddressSpace Spawn(SpaceKey key)
    {
        Spawned++;
        return new AddressSpace(key, new StubProcess(_freeSlots.Pop(), control, ram, Placement), frames, WindowBase);
    }

    /// <summary>Gives a process to another page directory: one whose own is no more, or when there are enough the one that was used longest ago.</summary>
    private AddressSpace? Reuse(SpaceKey key)
    {
        AddressSpace? chosen = null;
        foreach (AddressSpace space in _spaces.Values)
        {
            // The user half and the kernel half of one guest address space hold different things where they are processes of their own.
            if (space.Key.User == key.User && (_freeSlots.Count == 0 || isAbandoned(space)) && (chosen is null || space.LastUsed < chosen.LastUsed))
            {
                chosen = space;
            }
        }

        if (chosen is null && _freeSlots.Count == 0)
        {
            chosen = _spaces.Values.MinBy(space => space.LastUsed)!;
            chosen.Wipe();
        }

        if (chosen is not null)
        {
            _spaces.Remove(chosen.Key);
            chosen.Key = key;
            chosen.ValidatedAt = 0;
        }

        return chosen;
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
