// Which frames are page tables by the guest's word, and what they hold. As in Xen (xen/arch/x86/mm.c) a frame is a page table or writable, never
// both, and a table refers only to frames that are the guest's own. What was validated is kept as a copy: whatever the guest does to the
// frame meanwhile, the accounts stay right.
using Runtime.Abi.Xen;
using Runtime.Memory;

namespace Runtime.Paravirt.Xen;

/// <summary>The page tables that a guest has pinned, and those they refer to.</summary>
/// <param name="isPae">Whether entries have 8 bytes, and there are three levels instead of two.</param>
internal sealed class PageTypes(GuestMemory ram, Reservation reservation, Func<bool> isPae)
{
    private const ulong Present = 1, Writable = 2, Accessed = 0x20, Dirty = 0x40, Large = 0x80, FrameMask = 0xF_FFFF_F000;
    private const int PointerTableLevel = 3, PointerTableEntries = 4;

    private readonly Dictionary<uint, Table> _tables = [];
    private readonly Dictionary<uint, int> _writable = [];

    /// <summary>Whether a frame is a page table.</summary>
    public bool IsTable(uint frame) => _tables.ContainsKey(frame);

    /// <summary>Validates a frame, and all that it refers to, as a page table of a level; it stays one until it is unpinned.</summary>
    public XenError Pin(uint frame, int level)
    {
        if (level == PointerTableLevel && !isPae())
        {
            return XenError.Invalid;
        }

        if (_tables.TryGetValue(frame, out Table? table) && table.IsPinned)
        {
            return XenError.Invalid;
        }

        XenError error = Acquire(frame, level);
        if (error == XenError.None)
        {
            _tables[frame].IsPinned = true;
        }

        return error;
    }

    public XenError Unpin(uint frame)
    {
        if (!_tables.TryGetValue(frame, out Table? table) || !table.IsPinned)
        {
            return XenError.Invalid;
        }

        table.IsPinned = false;
        Release(frame);
        return XenError.None;
    }

    /// <summary>Whether a frame is pinned as what CR3 points to.</summary>
    public bool IsRoot(uint frame) => _tables.TryGetValue(frame, out Table? table) && table.IsPinned && table.Level == (isPae() ? PointerTableLevel : PointerTableLevel - 1);

    /// <summary>Writes an entry of a page table, if what it would map is the guest's to map in that way.</summary>
    /// <param name="address">Of the entry, guest-physical.</param>
    public XenError Update(ulong address, ulong value, bool preserve)
    {
        uint frame = (uint)(address >> 12);
        int size = isPae() ? 8 : 4;
        if (address >> 12 > uint.MaxValue || address % (uint)size != 0 || (!isPae() && value > uint.MaxValue))
        {
            return XenError.Invalid;
        }

        if (!_tables.TryGetValue(frame, out Table? table))
        {
            return XenError.Invalid;
        }

        int index = (int)(address & 0xFFF) / size;
        if (index >= table.Entries.Length)
        {
            return XenError.Invalid;
        }

        if (preserve)
        {
            const ulong bits = Accessed | Dirty;
            value = (value & ~bits) | (Read(address, size) & bits);
        }

        XenError error = AcquireEntry(table.Level, value);
        if (error != XenError.None)
        {
            return error;
        }

        ReleaseEntry(table.Level, table.Entries[index]);
        table.Entries[index] = value;
        if (size == 8)
        {
            ram.Write64(address, value);
        }
        else
        {
            ram.Write32(address, (uint)value);
        }

        return XenError.None;
    }

    private XenError Acquire(uint frame, int level)
    {
        if (!reservation.IsOwned(frame))
        {
            return XenError.Invalid;
        }

        if (_tables.TryGetValue(frame, out Table? known))
        {
            if (known.Level != level)
            {
                return XenError.Invalid;
            }

            known.References++;
            return XenError.None;
        }

        if (_writable.ContainsKey(frame))
        {
            return XenError.Busy;
        }

        int size = isPae() ? 8 : 4, count = level == PointerTableLevel ? PointerTableEntries : 4096 / size;
        var table = new Table(level, new ulong[count]) { References = 1 };
        _tables.Add(frame, table);
        for (int i = 0; i < count; i++)
        {
            ulong entry = Read(((ulong)frame << 12) + (uint)(i * size), size);
            XenError error = AcquireEntry(level, entry);
            if (error != XenError.None)
            {
                Release(frame);
                return error;
            }

            table.Entries[i] = entry;
        }

        return XenError.None;
    }

    private void Release(uint frame)
    {
        Table table = _tables[frame];
        if (--table.References > 0)
        {
            return;
        }

        _tables.Remove(frame);
        foreach (ulong entry in table.Entries)
        {
            ReleaseEntry(table.Level, entry);
        }
    }

    private XenError AcquireEntry(int level, ulong entry)
    {
        if ((entry & Present) == 0)
        {
            return XenError.None;
        }

        ulong target = (entry & FrameMask) >> 12;
        if (level > 1)
        {
            return (entry & Large) != 0 || target > uint.MaxValue ? XenError.Invalid : Acquire((uint)target, level - 1);
        }

        if (target > uint.MaxValue || !reservation.IsOwned((uint)target))
        {
            return XenError.Invalid;
        }

        if ((entry & Writable) == 0)
        {
            return XenError.None;
        }

        if (_tables.ContainsKey((uint)target))
        {
            return XenError.Busy;
        }

        _writable[(uint)target] = _writable.GetValueOrDefault((uint)target) + 1;
        return XenError.None;
    }

    private void ReleaseEntry(int level, ulong entry)
    {
        if ((entry & Present) == 0)
        {
            return;
        }

        uint target = (uint)((entry & FrameMask) >> 12);
        if (level > 1)
        {
            Release(target);
        }
        else if ((entry & Writable) != 0 && --_writable[target] == 0)
        {
            _writable.Remove(target);
        }
    }

    private ulong Read(ulong address, int size) => size == 8 ? ram.Read64(address) : ram.Read32(address);

    private sealed class Table(int level, ulong[] entries)
    {
        public int Level { get; } = level;

        /// <summary>As they were validated; zero for those that are not yet.</summary>
        public ulong[] Entries { get; } = entries;

        public int References { get; set; }

        public bool IsPinned { get; set; }
    }
}
