// Lets shims load segment registers without an exit: remembers which descriptors the guest kernel has loaded, and shows shims where to
// compare them with what the guest's GDT holds now.
using Runtime.Abi;
using Runtime.Engines.Direct.Paging;
using Runtime.Engines.Interpreter;
using Runtime.Engines.Patched;
using Runtime.Memory;

namespace Runtime.Engines.Direct;

/// <summary>The monitor's side of <see cref="MonitorWindow.Slots"/>.</summary>
internal sealed class SelectorSlots(VcpuState state, GuestMemory memory, HostSegments segments, Cpu cpu)
{
    private readonly SegmentRegister[] _slots = new SegmentRegister[MonitorWindow.Slots.Count];
    private int _used = 1;
    private (uint Base, ushort Limit, uint Frame) _gdt;

    /// <summary>Whether the GDT is seen through the window: its start is mapped and in RAM.</summary>
    public bool IsUsable { get; private set; }

    /// <summary>Forgets everything: the window is new, or the guest has another GDT.</summary>
    public void Reset(WindowMemory window)
    {
        for (int i = 1; i < _used; i++)
        {
            window.SetSlotOf(_slots[i].Selector, 0);
        }

        _used = 1;
        LoadedSlots(window).Fill(MonitorWindow.Slots.None);
        uint at = window.Base + MonitorWindow.Slots.Zero;
        // Slot 0 is told to expect a one where there is a zero.
        Write(window, 0, at, unchecked((uint)-1), 0, 0, 0, false);
        for (ushort rpl = 0; rpl < 4; rpl++)
        {
            Add(window, new SegmentRegister(rpl, 0, 0, 0), at, 0, 0, 0);
        }
    }

    /// <summary>Brings the alias of the GDT in a space up to date before the guest runs there.</summary>
    public void Prepare(AddressSpace space, WindowMemory window)
    {
        if (state.Gdtr.Base != _gdt.Base || state.Gdtr.Limit != _gdt.Limit || !IsUsable || space.GdtAliasFrame != _gdt.Frame)
        {
            FindGdt(window);
            if (IsUsable)
            {
                space.MapGdtAlias(_gdt.Frame);
            }
        }
    }

    /// <summary>The guest's page tables may have changed: the GDT may be elsewhere.</summary>
    public void Revalidate() => IsUsable = false;

    /// <summary>Learns from a load, or from a VERW that said yes, that the interpreter has just done for the guest kernel.</summary>
    public void Learn(SegmentRegister segment, AddressSpace space, WindowMemory window)
    {
        uint offset = segment.Selector & ~7u;
        uint inPage = (_gdt.Base & 0xFFF) + offset;
        if (!IsUsable || state.Cpl != 0 || (segment.Selector & 4) != 0 || offset == 0 || inPage > 4096 - 8 || offset + 7 > state.Gdtr.Limit)
        {
            return;
        }

        ushort host = segments.Selector(segment, space.Stub);
        int known = Array.IndexOf(_slots, segment, 1, _used - 1);
        if (known > 0 && window[MonitorWindow.Slots.HostSelector + ((uint)known * 4)] == host)
        {
            window.SetSlotOf(segment.Selector, (byte)known);
            return;
        }

        if (_used == MonitorWindow.Slots.Count)
        {
            Reset(window);
        }

        ulong descriptor = ((ulong)_gdt.Frame << 12) + inPage;
        uint at = window.Base + MonitorWindow.GdtAliasOffset + inPage;
        Add(window, segment, at, memory.Read32(descriptor), memory.Read32(descriptor + 4), host);
    }

    /// <summary>Takes over the loads that shims did since the last entry. The slots named are the guest's word: a wrong one harms only itself.</summary>
    /// <returns>Whether a segment register holds something else now.</returns>
    public bool Collect(WindowMemory window)
    {
        ReadOnlySpan<uint> loaded = LoadedSlots(window);
        if (!loaded.ContainsAnyExcept(MonitorWindow.Slots.None))
        {
            return false;
        }

        bool isChanged = false;
        for (int i = 0; i < loaded.Length; i++)
        {
            // Copied once, then checked: the guest can write there.
            uint slot = loaded[i];
            if (slot > 0 && slot < (uint)_used && state.Segments[i] != _slots[slot])
            {
                state.Segments[i] = _slots[slot];
                isChanged = true;
            }
        }

        return isChanged;
    }

    private static Span<uint> LoadedSlots(WindowMemory window) => window.Fields.Slice((int)MonitorWindow.Data.LoadedSlot / 4, 6);

    /// <summary>Puts the host descriptors of all slots into a process that has not had them.</summary>
    public void Install(StubProcess stub)
    {
        for (int i = 1; i < _used; i++)
        {
            _ = segments.Selector(_slots[i], stub);
        }
    }

    private void FindGdt(WindowMemory window)
    {
        IsUsable = false;
        uint frame = 0;
        if (cpu.TryTranslate(state.Gdtr.Base, AccessKind.Read, false, false, out PageTranslation translation, out _) && translation.Physical < memory.Length)
        {
            frame = (uint)(translation.Physical >> 12);
            IsUsable = true;
        }

        if (_gdt != (state.Gdtr.Base, state.Gdtr.Limit, frame))
        {
            _gdt = (state.Gdtr.Base, state.Gdtr.Limit, frame);
            Reset(window);
        }
    }

    private void Add(WindowMemory window, SegmentRegister segment, uint at, uint low, uint high, ushort hostSelector)
    {
        int slot = _used++;
        _slots[slot] = segment;
        Write(window, slot, at, 0 - low, 0 - high, hostSelector, segment.Selector, Switcher.SurvivesReturn(segment));
        window[MonitorWindow.Slots.IsWritable + ((uint)slot * 4)] = IsWritable(segment) ? 0x40u : 0;
        window.SetSlotOf(segment.Selector, (byte)slot);
    }

    // SDM vol. 2, VERW, at CPL 0: a writable data segment, its DPL not below the selector's RPL.
    private static bool IsWritable(in SegmentRegister segment)
        => segment.IsUsable && segment.IsCodeOrData && (segment.Type & 0xA) == 2 && segment.Dpl >= (segment.Selector & 3);

    private static void Write(WindowMemory window, int slot, uint at, uint negatedLow, uint negatedHigh, ushort hostSelector, ushort guestSelector, bool isUser)
    {
        uint offset = (uint)slot * 4;
        window[MonitorWindow.Slots.Address + offset] = at;
        window[MonitorWindow.Slots.NegatedLow + offset] = negatedLow;
        window[MonitorWindow.Slots.NegatedHigh + offset] = negatedHigh;
        window[MonitorWindow.Slots.HostSelector + offset] = hostSelector;
        window[MonitorWindow.Slots.GuestSelector + offset] = guestSelector;
        window[MonitorWindow.Slots.IsUser + offset] = isUser ? 1u : 0;
    }
}
