// Builds the multiboot information in guest memory, where QEMU puts it unless the kernel lies there.
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using Runtime.Memory;

namespace Runtime.Loading;

/// <summary>Writes boot information, command lines and modules for a multiboot kernel.</summary>
internal sealed class MultibootInfoWriter
{
    /// <summary>In EAX at entry: the loader is one of multiboot.</summary>
    public const uint BootMagic = 0x2BAD_B002;

    /// <summary>The first hard disk, no partition.</summary>
    private const uint BootDevice = 0x8000_FFFF;
    private const ulong PageSize = 4096;

    private readonly BootSpace _space;
    private readonly GuestMemory _memory;
    private readonly ulong _kernelEnd;

    private MultibootInfoWriter(BootPlan plan, BootSpace space, GuestMemory memory)
    {
        _space = space;
        _memory = memory;
        ulong end = Math.Max(MachineLayout.ExtendedMemory, plan.Ranges.Max(range => range.End));
        _kernelEnd = end + PageSize - 1 & ~(PageSize - 1);
    }

    /// <returns>Physical address of the information structure.</returns>
    /// <exception cref="Rewriter.Images.BadImageException">No room.</exception>
    public static uint Write(BootParameters parameters, BootPlan plan, BootSpace space, GuestMemory memory)
        => new MultibootInfoWriter(plan, space, memory).Write(parameters);

    private uint Write(BootParameters parameters)
    {
        uint address = _space.Place((uint)Unsafe.SizeOf<MultibootInfo>(), MachineLayout.MultibootInfo, 16, "the boot information");
        MultibootMemoryRegion[] map = [.. MemoryMap.For(_memory.RamLength)];
        uint mapLength = (uint)(map.Length * Unsafe.SizeOf<MultibootMemoryRegion>());
        uint mapAddress = _space.Place(mapLength, MachineLayout.MultibootMemoryMap, 16, "the memory map");
        WriteArray(mapAddress, map);

        // In QEMU's order, from the first page after the kernel: module table, strings, modules.
        uint tableLength = (uint)(parameters.Modules.Count * Unsafe.SizeOf<MultibootModule>());
        uint moduleTable = _space.Place(tableLength, _kernelEnd, PageSize, "the module table");
        MultibootModule[] modules = [.. parameters.Modules.Select(module => new MultibootModule { CommandLine = WriteText(module.CommandLine) })];
        MultibootInfo info = new()
        {
            Flags = MultibootInfoFlags.Memory | MultibootInfoFlags.BootDevice | MultibootInfoFlags.CommandLine | MultibootInfoFlags.Modules
                | MultibootInfoFlags.MemoryMap | MultibootInfoFlags.LoaderName,
            MemoryLower = MachineLayout.ExtendedBiosDataArea >> 10,
            MemoryUpper = (uint)(MemoryMap.ExtendedLength(_memory.RamLength) >> 10),
            BootDevice = BootDevice,
            CommandLine = WriteText(parameters.CommandLine),
            LoaderName = WriteText("qemu"),
            ModuleCount = (uint)modules.Length,
            ModuleAddress = moduleTable,
            MemoryMapLength = mapLength,
            MemoryMapAddress = mapAddress,
        };
        for (int i = 0; i < modules.Length; i++)
        {
            WriteModule(ref modules[i], parameters.Modules[i], $"module {i + 1}");
        }

        WriteArray(moduleTable, modules);
        WriteArray(address, [info]);
        return address;
    }

    /// <summary>Modules are page-aligned whether the kernel asks (flag bit 0) or not.</summary>
    private void WriteModule(ref MultibootModule entry, BootModule module, string what)
    {
        entry.Start = _space.Place((ulong)module.Contents.Length, _kernelEnd, PageSize, what);
        entry.End = entry.Start + (uint)module.Contents.Length;
        module.Contents.Span.CopyTo(_memory.Slice(new GuestPhysicalAddress(entry.Start), module.Contents.Length));
    }

    private void WriteArray<T>(uint address, T[] entries)
        where T : unmanaged
    {
        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(entries.AsSpan());
        bytes.CopyTo(_memory.Slice(new GuestPhysicalAddress(address), bytes.Length));
    }

    private uint WriteText(string text)
    {
        byte[] bytes = [.. Encoding.UTF8.GetBytes(text), 0];
        uint address = _space.Place((uint)bytes.Length, _kernelEnd, 1, "a command line");
        bytes.CopyTo(_memory.Slice(new GuestPhysicalAddress(address), bytes.Length));
        return address;
    }
}
