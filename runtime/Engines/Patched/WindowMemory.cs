// The monitor's view of the window: the fields that shims read and write, and its bytes for the interpreter.
using System.Buffers.Binary;
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

    /// <summary>Writes the gate: a jump to the stub's entry, which is at the same address in all stub processes.</summary>
    public void WriteGate(ulong stubEntry)
    {
        // jmp qword ptr [rip+0], then the address.
        Span<byte> gate = storage.Window(MonitorWindow.GateOffset, 14);
        BinaryPrimitives.WriteUInt16LittleEndian(gate, 0x25FF);
        BinaryPrimitives.WriteUInt32LittleEndian(gate[2..], 0);
        BinaryPrimitives.WriteUInt64LittleEndian(gate[6..], stubEntry);
    }

    /// <summary>Makes the ways into the guest kernel and back lead to the gate, where there is no switcher.</summary>
    public void CloseSwitcher()
    {
        foreach (uint door in new[] { MonitorWindow.EnterOffset, MonitorWindow.LeaveOffset })
        {
            // jmp far selector:offset
            Span<byte> code = storage.Window(door, 7);
            code[0] = 0xEA;
            BinaryPrimitives.WriteUInt32LittleEndian(code[1..], windowBase + MonitorWindow.GateOffset);
            BinaryPrimitives.WriteUInt16LittleEndian(code[5..], MonitorWindow.GateSelector);
        }
    }

    /// <summary>Writes what shims read of the guest's processor.</summary>
    public void Publish(VcpuState state, bool wantInterruptWindow)
    {
        this[MonitorWindow.Data.VirtualIf] = state.Eflags & FlagBits.If;
        this[MonitorWindow.Data.EventPending] = wantInterruptWindow ? FlagBits.If : 0;
        this[MonitorWindow.Data.FlagsBias] = (state.Eflags & FlagBits.Iopl) - FlagBits.If;
        this[MonitorWindow.Data.SiteIndex] = NoSite;
        this[MonitorWindow.UserDataOffset + MonitorWindow.User.SiteIndex] = NoSite;
        for (uint i = 0; i < 6; i++)
        {
            this[MonitorWindow.Data.Selectors + (i * 4)] = state.Segments[(int)i].Selector;
            this[MonitorWindow.Data.LoadedSlot + (i * 4)] = MonitorWindow.Slots.None;
        }

        this[MonitorWindow.Data.Ldtr] = state.Ldtr.Selector;
        this[MonitorWindow.Data.Tr] = state.Tr.Selector;
        this[MonitorWindow.Data.Cr0] = state.Cr0;
        this[MonitorWindow.Data.Cr2] = state.Cr2;
        this[MonitorWindow.Data.Cr3] = state.Cr3;
        this[MonitorWindow.Data.Cr4] = state.Cr4;
        Publish(MonitorWindow.Data.Gdtr, state.Gdtr);
        Publish(MonitorWindow.Data.Idtr, state.Idtr);
        this[MonitorWindow.Data.TscOffset] = (uint)state.TscOffset;
        this[MonitorWindow.Data.TscOffset + 4] = (uint)(state.TscOffset >> 32);
    }

    /// <summary>The site that was named to the gate since <see cref="Publish(VcpuState, bool)"/>, by kernel or user code.</summary>
    public uint TakeSite()
    {
        uint site = this[MonitorWindow.Data.SiteIndex];
        return site != NoSite ? site : this[MonitorWindow.UserDataOffset + MonitorWindow.User.SiteIndex];
    }

    /// <summary>No selector has a slot: loads of segment registers leave by the gate.</summary>
    public void ResetSlots()
    {
        // Slot 0, which stands for none, is told to expect a one where there is a zero.
        this[MonitorWindow.Slots.Address] = windowBase + MonitorWindow.Slots.Zero;
        this[MonitorWindow.Slots.NegatedLow] = uint.MaxValue;
    }

    /// <summary>A byte of the selector table.</summary>
    public void SetSlotOf(ushort selector, byte slot) => storage.Window(MonitorWindow.SelectorTableOffset + selector, 1)[0] = slot;

    private void Publish(uint field, TableRegister table)
    {
        this[field] = table.Limit | table.Base << 16;
        this[field + 4] = table.Base >> 16;
    }
}
