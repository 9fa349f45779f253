// PVH's start information in guest memory. It lies in conventional memory, modules past the kernel: Linux reads the former through the page
// tables that it makes first, which reach from 0 to its own end.
namespace Runtime.Loading;

/// <summary>Writes start information, memory map, command lines and modules for a PVH kernel.</summary>
internal static class PvhStartInfoWriter
{
    private const ulong From = MachineLayout.PvhStartInfo;

    /// <returns>Physical address of the start information.</returns>
    /// <exception cref="Rewriter.Images.BadImageException">No room.</exception>
    public static uint Write(BootParameters parameters, BootInformation information)
    {
        uint address = information.Reserve<PvhStartInfo>(1, From, 16, "the start information");
        PvhMemoryRegion[] map = [.. MemoryMap.For(information.RamLength)
            .Select(region => new PvhMemoryRegion { Address = region.Address, Size = region.Length, Type = region.Type })];
        uint mapAddress = information.Reserve<PvhMemoryRegion>(map.Length, From, 16, "the memory map");
        information.Write<PvhMemoryRegion>(mapAddress, map);

        uint moduleList = information.Reserve<PvhModule>(parameters.Modules.Count, From, 16, "the module list");
        PvhModule[] modules = [.. parameters.Modules.Select(module => new PvhModule
        {
            Address = information.WriteModule(module),
            Size = (ulong)module.Contents.Length,
            CommandLine = information.WriteText(module.CommandLine, From),
        })];
        information.Write<PvhModule>(moduleList, modules);

        information.Write(address, new PvhStartInfo
        {
            Magic = PvhStartInfo.RightMagic,
            Version = PvhStartInfo.RightVersion,
            ModuleCount = (uint)modules.Length,
            ModuleList = modules.Length == 0 ? 0 : moduleList,
            CommandLine = information.WriteText(parameters.CommandLine, From),
            MemoryMap = mapAddress,
            MemoryMapEntries = (uint)map.Length,
        });
        return address;
    }
}
