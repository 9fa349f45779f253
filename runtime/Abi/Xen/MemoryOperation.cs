using System.Runtime.InteropServices;

namespace Runtime.Abi.Xen;

/// <summary>Sub-operations of memory_op (public/memory.h). Bits 6 and up of the command say where a batch goes on.</summary>
public enum MemoryOperation : uint
{
    IncreaseReservation = 0,
    DecreaseReservation = 1,
    MaximumRamPage = 2,
    CurrentReservation = 3,
    MaximumReservation = 4,
    PopulatePhysmap = 6,
    AddToPhysmap = 7,
    MemoryMap = 9,
    MaximumGpfn = 14,
    RemoveFromPhysmap = 15,
}

/// <summary>XENMAPSPACE_*: what add_to_physmap puts at a frame number of the guest.</summary>
public enum PhysmapSpace : uint
{
    SharedInfo = 0,
    GrantTable = 1,
}

[StructLayout(LayoutKind.Sequential)]
public struct AddToPhysmapArguments
{
    public ushort Domain;
    public ushort Size;
    public PhysmapSpace Space;
    public uint Index;
    public uint Frame;
}

[StructLayout(LayoutKind.Sequential)]
public struct RemoveFromPhysmapArguments
{
    public ushort Domain;
    public uint Frame;
}

/// <summary>struct xen_memory_reservation.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct MemoryReservationArguments
{
    public uint ExtentStart;
    public uint ExtentCount;
    public uint ExtentOrder;
    public uint Flags;
    public ushort Domain;
}

/// <summary>struct xen_memory_map: entries are those of INT 15H, EAX=E820H, 20 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct MemoryMapArguments
{
    public uint EntryCount;
    public uint Buffer;
}

[StructLayout(LayoutKind.Sequential, Pack = 4)]
public struct MemoryMapEntry
{
    public ulong Address;
    public ulong Length;
    public uint Type;
}
