namespace Runtime.Engines.Patched;

/// <summary>Gives patched copies their slots, so that copies of pages in a row have slots in a row: a process maps them at once then.</summary>
/// <param name="count">Slots; a multiple of the group size.</param>
internal sealed class SlotAllocator(int count)
{
    /// <summary>Slots that are set aside together, for 16 aligned pages that show 16 frames in a row.</summary>
    private const int GroupSize = 16;

    private readonly bool[] _taken = new bool[count];
    private readonly int[] _used = new int[count / GroupSize];
    private readonly (uint Pages, uint Offset, bool IsUser)?[] _owners = new (uint, uint, bool)?[count / GroupSize];
    private readonly Dictionary<(uint Pages, uint Offset, bool IsUser), int> _groups = [];
    private readonly Stack<int> _free = new(Enumerable.Range(0, count / GroupSize).Reverse());
    private int _next;

    /// <summary>A slot for a copy. False when all are taken.</summary>
    public bool TryTake(CodePageKey key, out int slot)
    {
        (uint, uint, bool) owner = (key.Page / GroupSize, key.Frame - key.Page, key.IsUser);
        if (!_groups.TryGetValue(owner, out int group))
        {
            if (!_free.TryPop(out group))
            {
                return TryTakeAny(out slot);
            }

            _groups.Add(owner, group);
            _owners[group] = owner;
        }

        slot = (group * GroupSize) + (int)(key.Page % GroupSize);
        if (_taken[slot])
        {
            return TryTakeAny(out slot);
        }

        Take(slot);
        return true;
    }

    public void Return(int slot)
    {
        _taken[slot] = false;
        int group = slot / GroupSize;
        if (--_used[group] == 0)
        {
            if (_owners[group] is { } owner)
            {
                _groups.Remove(owner);
                _owners[group] = null;
            }

            _free.Push(group);
        }
    }

    // All groups are set aside, but not all of their slots are used.
    private bool TryTakeAny(out int slot)
    {
        for (int tried = 0; tried < count; tried++)
        {
            slot = _next;
            _next = (_next + 1) % count;
            if (!_taken[slot] && _used[slot / GroupSize] > 0)
            {
                Take(slot);
                return true;
            }
        }

        slot = -1;
        return false;
    }

    private void Take(int slot)
    {
        _taken[slot] = true;
        _used[slot / GroupSize]++;
    }
}
