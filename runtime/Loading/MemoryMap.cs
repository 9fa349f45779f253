using System.Runtime.CompilerServices;

namespace Runtime.Loading;

/// <summary>The memory map that kernels are told: that of QEMU's BIOS, so that they count the same memory.</summary>
internal static class MemoryMap
{
    private const uint Ram = 1, Reserved = 2;

    /// <summary>The BIOS image below 4 GiB.</summary>
    private const ulong HighRom = 0xFFFC_0000;

    /// <summary>Bytes of RAM from 1 MiB that the guest may use.</summary>
    public static ulong ExtendedLength(ulong memory) => memory - MachineLayout.FirmwareReserve - MachineLayout.ExtendedMemory;

    public static IReadOnlyList<MultibootMemoryRegion> For(ulong memory)
    {
        ulong top = memory - MachineLayout.FirmwareReserve;
        return
        [
            Region(0, MachineLayout.ExtendedBiosDataArea, Ram),
            Region(MachineLayout.ExtendedBiosDataArea, MachineLayout.VideoMemory, Reserved),
            Region(MachineLayout.BiosRom, MachineLayout.ExtendedMemory, Reserved),
            Region(MachineLayout.ExtendedMemory, top, Ram),
            Region(top, memory, Reserved),
            Region(HighRom, 1UL << 32, Reserved),
        ];
    }

    private static MultibootMemoryRegion Region(ulong start, ulong end, uint type) => new()
    {
        Size = (uint)Unsafe.SizeOf<MultibootMemoryRegion>() - sizeof(uint),
        Address = start,
        Length = end - start,
        Type = type,
    };
}
