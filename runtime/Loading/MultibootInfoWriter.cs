// The multiboot information in guest memory, where QEMU puts it unless the kernel lies there.
using System.Runtime.CompilerServices;

namespace Runtime.Loading;

/// <summary>Writes boot information, command lines and modules for a multiboot kernel.</summary>
internal static class MultibootInfoWriter
{
    /// <summary>In EAX at entry: the loader is one of multiboot.</summary>
    public const uint BootMagic = 0x2BAD_B002;

    /// <summary>The first hard disk, no partition.</summary>
    private const uint BootDevice = 0x8000_FFFF;
    private const ulong PageSize = 4096;

    /// <returns>Physical address of the information structure.</returns>
    /// <exception cref="Rewriter.Images.BadImageException">No room.</exception>
    public static uint Write(BootParameters parameters, BootInformation information)
    {
        uint address = information.Reserve<MultibootInfo>(1, MachineLayout.MultibootInfo, 16, "the boot information");
        MultibootMemoryRegion[] map = [.. MemoryMap.For(information.RamLength)];
        uint mapAddress = information.Reserve<MultibootMemoryRegion>(map.Length, MachineLayout.MultibootMemoryMap, 16, "the memory map");
        information.Write<MultibootMemoryRegion>(mapAddress, map);

        // In QEMU's order, from the first page after the kernel: module table, strings, modules.
        ulong kernelEnd = information.KernelEnd;
        uint moduleTable = information.Reserve<MultibootModule>(parameters.Modules.Count, kernelEnd, PageSize, "the module table");
        MultibootModule[] modules =
            [.. parameters.Modules.Select(module => new MultibootModule { CommandLine = information.WriteText(module.CommandLine, kernelEnd) })];
        MultibootInfo info = new()
        {
            Flags = MultibootInfoFlags.Memory | MultibootInfoFlags.BootDevice | MultibootInfoFlags.CommandLine | MultibootInfoFlags.Modules
                | MultibootInfoFlags.MemoryMap | MultibootInfoFlags.LoaderName,
            MemoryLower = MachineLayout.ExtendedBiosDataArea >> 10,
            MemoryUpper = (uint)(MemoryMap.ExtendedLength(information.RamLength) >> 10),
            BootDevice = BootDevice,
            CommandLine = information.WriteText(parameters.CommandLine, kernelEnd),
            LoaderName = information.WriteText("qemu", kernelEnd),
            ModuleCount = (uint)modules.Length,
            ModuleAddress = moduleTable,
            MemoryMapLength = (uint)(map.Length * Unsafe.SizeOf<MultibootMemoryRegion>()),
            MemoryMapAddress = mapAddress,
        };

        // Page-aligned whether the kernel asks (flag bit 0) or not.
        for (int i = 0; i < modules.Length; i++)
        {
            modules[i].Start = information.WriteModule(parameters.Modules[i]);
            modules[i].End = modules[i].Start + (uint)parameters.Modules[i].Contents.Length;
        }

        information.Write<MultibootModule>(moduleTable, modules);
        information.Write(address, info);
        return address;
    }
}
