// The page walker (SDM vol. 3, 4.3 for 32-bit paging, 4.4 for PAE).
namespace Runtime.Engines.Interpreter;

public sealed partial class Cpu
{
    private const ulong PaeNoExecute = 1ul << 63;

    /// <summary>Bits 62:36 of a PAE entry: MAXPHYADDR is 36.</summary>
    private const ulong PaeReserved = 0x7FFF_FFF0_0000_0000;

    /// <summary>Walks the guest's page tables as hardware does, setting accessed and dirty bits.</summary>
    /// <param name="error">Page-fault error code when the result is false (SDM vol. 3, 4.7).</param>
    public bool TryTranslate(uint linear, AccessKind access, bool user, out PageTranslation translation, out uint error)
        => TryTranslate(linear, access, user, true, out translation, out error);

    /// <param name="update">Whether accessed and dirty bits are written; without, guest memory is only read.</param>
    public bool TryTranslate(uint linear, AccessKind access, bool user, bool update, out PageTranslation translation, out uint error)
    {
        error = 0;
        if (!_state.PagingEnabled)
        {
            translation = new PageTranslation(linear, 4096, true, true, false, false, true);
            return true;
        }

        return (_state.Cr4 & ControlRegisters.Cr4Pae) != 0
            ? TryTranslatePae(linear, access, user, update, out translation, out error)
            : TryTranslate32(linear, access, user, update, out translation, out error);
    }

    private bool TryTranslate32(uint linear, AccessKind access, bool user, bool update, out PageTranslation translation, out uint error)
    {
        translation = default;
        uint directoryAddress = _state.Cr3 & 0xFFFF_F000 | linear >> 20 & 0xFFC;
        uint directory = _memory.Read32(directoryAddress);
        if ((directory & PageBits.Present) == 0)
        {
            error = FaultCode(access, user, 0);
            return false;
        }

        if ((directory & PageBits.Large) != 0 && (_state.Cr4 & ControlRegisters.Cr4Pse) != 0)
        {
            // Without PSE-36 bits 21:13 are reserved.
            ulong reserved = _model.Has(CpuFeatures.Pse36) ? directory & 0x20_0000u : directory & 0x3F_E000u;
            ulong high = _model.Has(CpuFeatures.Pse36) ? (ulong)(directory >> 13 & 0xF) << 32 : 0;
            return Finish(linear, access, user, update, directoryAddress, directory, directory, reserved != 0, false, 0x40_0000,
                directory & 0xFFC0_0000 | high | linear & 0x3F_FFFF, out translation, out error);
        }

        uint tableAddress = directory & 0xFFFF_F000 | linear >> 10 & 0xFFC;
        uint table = _memory.Read32(tableAddress);
        if ((table & PageBits.Present) == 0)
        {
            SetAccessed(directoryAddress, directory, update);
            error = FaultCode(access, user, 0);
            return false;
        }

        uint combined = table & (directory | ~(PageBits.Writable | PageBits.User));
        bool ok = Finish(linear, access, user, update, tableAddress, table, combined, false, false, 4096,
            table & 0xFFFF_F000 | linear & 0xFFF, out translation, out error);
        SetAccessed(directoryAddress, directory, update);
        return ok;
    }

    private bool TryTranslatePae(uint linear, AccessKind access, bool user, bool update, out PageTranslation translation, out uint error)
    {
        translation = default;
        bool nx = (_state.Efer & ControlRegisters.EferNxe) != 0;
        ulong reserved = nx ? PaeReserved : PaeReserved | PaeNoExecute;
        ulong pointer = _memory.Read64(_state.Cr3 & 0xFFFF_FFE0 | linear >> 27 & 0x18);
        if ((pointer & PageBits.Present) == 0)
        {
            error = FaultCode(access, user, 0);
            return false;
        }

        ulong directoryAddress = pointer & 0xF_FFFF_F000 | linear >> 18 & 0xFF8;
        ulong directory = _memory.Read64(directoryAddress);
        if ((directory & PageBits.Present) == 0)
        {
            error = FaultCode(access, user, 0);
            return false;
        }

        if ((directory & PageBits.Large) != 0)
        {
            bool bad = (directory & (reserved | 0x1F_E000)) != 0;
            return Finish(linear, access, user, update, directoryAddress, (uint)directory, (uint)directory, bad,
                nx && (directory & PaeNoExecute) != 0, 0x20_0000, directory & 0xF_FFE0_0000 | linear & 0x1F_FFFF, out translation, out error);
        }

        if ((directory & reserved) != 0)
        {
            error = FaultCode(access, user, PageBits.FaultPresent | PageBits.FaultReserved);
            return false;
        }

        ulong tableAddress = directory & 0xF_FFFF_F000 | linear >> 9 & 0xFF8;
        ulong table = _memory.Read64(tableAddress);
        SetAccessed(directoryAddress, (uint)directory, update);
        if ((table & PageBits.Present) == 0)
        {
            error = FaultCode(access, user, 0);
            return false;
        }

        uint combined = (uint)table & ((uint)directory | ~(PageBits.Writable | PageBits.User));
        return Finish(linear, access, user, update, tableAddress, (uint)table, combined, (table & reserved) != 0,
            nx && ((directory | table) & PaeNoExecute) != 0, 4096, table & 0xF_FFFF_F000 | linear & 0xFFF, out translation, out error);
    }

    /// <summary>Checks the rights of a leaf (SDM vol. 3, 4.6) and sets its accessed and dirty bits.</summary>
    private bool Finish(uint linear, AccessKind access, bool user, bool update, ulong entryAddress, uint entry, uint combined,
        bool reserved, bool noExecute, uint size, ulong physical, out PageTranslation translation, out uint error)
    {
        translation = default;
        if (reserved)
        {
            error = FaultCode(access, user, PageBits.FaultPresent | PageBits.FaultReserved);
            return false;
        }

        bool isUser = (combined & PageBits.User) != 0;
        bool writable = (combined & PageBits.Writable) != 0;
        bool refused = user && !isUser;
        refused |= access == AccessKind.Write && !writable && (user || (_state.Cr0 & ControlRegisters.Cr0Wp) != 0);
        refused |= access == AccessKind.Fetch && noExecute;
        if (refused)
        {
            error = FaultCode(access, user, PageBits.FaultPresent);
            return false;
        }

        uint wanted = PageBits.Accessed | (access == AccessKind.Write ? PageBits.Dirty : 0);
        if (update && (entry & wanted) != wanted)
        {
            entry |= wanted;
            WritePhysical(entryAddress, 1, entry & 0xFF);
        }

        bool global = (entry & PageBits.Global) != 0 && (_state.Cr4 & ControlRegisters.Cr4Pge) != 0;
        translation = new PageTranslation(physical, size, writable, isUser, global, noExecute, (entry & PageBits.Dirty) != 0);
        error = 0;
        return true;
    }

    private void SetAccessed(ulong address, uint entry, bool update)
    {
        if (update && (entry & PageBits.Accessed) == 0)
        {
            WritePhysical(address, 1, (entry | PageBits.Accessed) & 0xFF);
        }
    }

    private uint FaultCode(AccessKind access, bool user, uint bits)
    {
        bool fetchBit = (_state.Cr4 & ControlRegisters.Cr4Pae) != 0 && (_state.Efer & ControlRegisters.EferNxe) != 0;
        return bits | (access == AccessKind.Write ? PageBits.FaultWrite : 0) | (user ? PageBits.FaultUser : 0)
            | (access == AccessKind.Fetch && fetchBit ? PageBits.FaultFetch : 0);
    }
}
