// The monitor's view of the window: the fields that shims read and write, and its bytes for the interpreter.
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Runtime.Abi;
using Runtime.Engines.Interpreter;

namespace Runtime.Engines.Patched;

/// <summary>The monitor window as memory. The guest kernel can write its data page: what is read here is a guest's word, nothing more.</summary>
internal sealed class WindowMemory(ICodeStorage storage, uint windowBase) : ILinearOverlay
{
    public const uint NoSite = uint.MaxValue;

    public uint Base => windowBase;

    public bool Covers(uint linear) => linear - windowBase < MonitorWindow.Size;

    public bool Permits(uint linear, AccessKind access, bool user)
    {
        uint offset = linear - windowBase;
        bool isReadOnly = offset is >= MonitorWindow.GdtAliasOffset and < MonitorWindow.TrampolineOffset;
        bool isCode = offset is >= MonitorWindow.GateOffset and < MonitorWindow.GdtAliasOffset
            or >= MonitorWindow.EnterOffset and < MonitorWindow.SwitcherEnd or >= MonitorWindow.TrampolineOffset;
        return access == AccessKind.Fetch ? isCode
            : offset < MonitorWindow.UserDataOffset ? !user
            : offset < MonitorWindow.GateOffset || (isReadOnly && access == AccessKind.Read && !user);
    }

    public Span<byte> Bytes(uint linear, int length)
    {
        uint offset = linear - windowBase;
        return storage.Window(offset, (int)Math.Min((uint)length, MonitorWindow.Size - offset));
    }

    /// <summary>A field of <see cref="MonitorWindow.Data"/>.</summary>
    public uint this[uint field]
    {
        get => BinaryPrimitives.ReadUInt32LittleEndian(storage.Window(field, 4));
        set => BinaryPrimitives.WriteUInt32LittleEndian(storage.Window(field, 4), value);
    }

    /// <summary>Writes the page of the gates.</summary>
    public void WriteGates(ReadOnlySpan<byte> page) => page.CopyTo(storage.Window(MonitorWindow.GateOffset, page.Length));

    /// <summary>Makes the ways into the guest kernel and back lead to the gates, where there is no switcher.</summary>
    public void CloseSwitcher()
    {
        foreach ((uint door, uint gate) in new[]
        {
            (MonitorWindow.EnterOffset, MonitorWindow.UserGateOffset), (MonitorWindow.LeaveOffset, MonitorWindow.GateOffset),
        })
        {
            // jmp far selector:offset
            Span<byte> code = storage.Window(door, 7);
            code[0] = 0xEA;
            BinaryPrimitives.WriteUInt32LittleEndian(code[1..], windowBase + gate);
            BinaryPrimitives.WriteUInt16LittleEndian(code[5..], MonitorWindow.GateSelector);
        }
    }

    /// <summary>The dwords of WindowData, for those who touch many of them at once.</summary>
    public Span<uint> Fields => MemoryMarshal.Cast<byte, uint>(storage.Window(0, (int)MonitorWindow.UserDataOffset));

    /// <summary>Writes what shims read of the guest's processor.</summary>
    public void Publish(VcpuState state, bool wantInterruptWindow)
    {
        Span<uint> fields = Fields;
        fields[(int)MonitorWindow.Data.VirtualIf / 4] = state.Eflags & FlagBits.If;
        fields[(int)MonitorWindow.Data.EventPending / 4] = wantInterruptWindow ? FlagBits.If : 0;
        fields[(int)MonitorWindow.Data.FlagsBias / 4] = (state.Eflags & FlagBits.Iopl) - FlagBits.If;
        fields[(int)MonitorWindow.Data.SiteIndex / 4] = NoSite;
        this[MonitorWindow.UserDataOffset + MonitorWindow.User.SiteIndex] = NoSite;
        Span<uint> selectors = fields[((int)MonitorWindow.Data.Selectors / 4)..];
        Span<uint> loaded = fields[((int)MonitorWindow.Data.LoadedSlot / 4)..];
        for (int i = 0; i < 6; i++)
        {
            selectors[i] = state.Segments[i].Selector;
            loaded[i] = MonitorWindow.Slots.None;
        }

        fields[(int)MonitorWindow.Data.Ldtr / 4] = state.Ldtr.Selector;
        fields[(int)MonitorWindow.Data.Tr / 4] = state.Tr.Selector;
        fields[(int)MonitorWindow.Data.Cr0 / 4] = state.Cr0;
        fields[(int)MonitorWindow.Data.Cr2 / 4] = state.Cr2;
        fields[(int)MonitorWindow.Data.Cr3 / 4] = state.Cr3;
        fields[(int)MonitorWindow.Data.Cr4 / 4] = state.Cr4;
        Publish(fields[((int)MonitorWindow.Data.Gdtr / 4)..], state.Gdtr);
        Publish(fields[((int)MonitorWindow.Data.Idtr / 4)..], state.Idtr);
        fields[(int)MonitorWindow.Data.TscOffset / 4] = (uint)state.TscOffset;
        fields[((int)MonitorWindow.Data.TscOffset / 4) + 1] = (uint)(state.TscOffset >> 32);
    }

    /// <summary>The site that was last named to the kernel's gate or to the user's; <see cref="NoSite"/> when there was none since
    /// <see cref="Publish(VcpuState, bool)"/>.</summary>
    public uint Site(bool user) => this[user ? MonitorWindow.UserDataOffset + MonitorWindow.User.SiteIndex : MonitorWindow.Data.SiteIndex];

    /// <summary>No selector has a slot: loads of segment registers leave by the gate.</summary>
    public void ResetSlots()
    {
        // Slot 0, which stands for none, is told to expect a one where there is a zero.
        this[MonitorWindow.Slots.Address] = windowBase + MonitorWindow.Slots.Zero;
        this[MonitorWindow.Slots.NegatedLow] = uint.MaxValue;
    }

    /// <summary>A byte of the selector table.</summary>
    public void SetSlotOf(ushort selector, byte slot) => storage.Window(MonitorWindow.SelectorTableOffset + selector, 1)[0] = slot;

    private static void Publish(Span<uint> fields, TableRegister table)
    {
        fields[0] = table.Limit | table.Base << 16;
        fields[1] = table.Base >> 16;
    }
}
