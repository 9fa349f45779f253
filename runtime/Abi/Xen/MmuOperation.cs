using System.Runtime.InteropServices;

namespace Runtime.Abi.Xen;

/// <summary>The low two bits of the address in an element of mmu_update (public/xen.h).</summary>
public enum MmuUpdateKind : uint
{
    Normal = 0,
    MachineToPhysical = 1,

    /// <summary>The accessed and dirty bits stay as they are in the table.</summary>
    PreserveAccessedDirty = 2,
}

/// <summary>struct mmu_update: guest-physical address of a page-table entry, with a <see cref="MmuUpdateKind"/>, and its new contents.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 4)]
public struct MmuUpdateArguments
{
    public ulong Pointer;
    public ulong Value;
}

/// <summary>MMUEXT_*: sub-operations of mmuext_op.</summary>
public enum MmuExtendedOperation : uint
{
    PinL1Table = 0,
    PinL2Table = 1,
    PinL3Table = 2,
    UnpinTable = 4,
    NewBasePointer = 5,
    TlbFlushLocal = 6,
    InvalidatePageLocal = 7,
    TlbFlushAll = 10,
    InvalidatePageAll = 11,
}

/// <summary>struct mmuext_op of a 32-bit guest.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct MmuExtendedArguments
{
    public MmuExtendedOperation Operation;

    /// <summary>A frame number, or a linear address.</summary>
    public uint First;
    public uint Second;
}
