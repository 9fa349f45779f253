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
        _kernelEnd = Math.Max(MachineLayout.ExtendedMemory, plan.Ranges.Max(range => range.End));
    }

    /// <returns>Physical address of the information structure.</returns>
    /// <exception cref="Rewriter.Images.BadImageException">No room.</exception>
    public static uint Write(BootParameters parameters, BootPlan plan, BootSpace space, GuestMemory memory)
        => new MultibootInfoWriter(plan, space, memory).Write(parameters);

    private uint Write(BootParameters parameters)
    {
        uint address = _space.Place((uint)Unsafe.SizeOf<MultibootInfo>(), MachineLayout.MultibootInfo, 16, "the boot information");
        IReadOnlyList<MultibootMemoryRegion> map = MemoryMap.For(_memory.Length);
        MultibootInfo info = new()
        {
            Flags = MultibootInfoFlags.Memory | MultibootInfoFlags.BootDevice | MultibootInfoFlags.CommandLine | MultibootInfoFlags.Modules
                | MultibootInfoFlags.MemoryMap | MultibootInfoFlags.LoaderName,
            MemoryLower = MachineLayout.ExtendedBiosDataArea >> 10,
            MemoryUpper = (uint)(MemoryMap.ExtendedLength(_memory.Length) >> 10),
            BootDevice = BootDevice,
            CommandLine = WriteText(parameters.CommandLine),
            LoaderName = WriteText("qemu"),
            ModuleCount = (uint)parameters.Modules.Count,
            ModuleAddress = WriteModules(parameters.Modules),
            MemoryMapLength = (uint)(map.Count * Unsafe.SizeOf<MultibootMemoryRegion>()),
            MemoryMapAddress = WriteArray([.. map], "the memory map"),
        };
        Write(address, info);
        return address;
    }

    private uint WriteModules(IReadOnlyList<BootModule> modules)
    {
        var entries = new MultibootModule[modules.Count];
        for (int i = 0; i < entries.Length; i++)
        {
            // Modules are page-aligned whether the kernel asks (flag bit 0) or not.
            ReadOnlyMemory<byte> contents = modules[i].Contents;
            uint start = _space.Place((ulong)contents.Length, _kernelEnd, PageSize, $"module {i + 1}");
            contents.Span.CopyTo(_memory.Slice(new GuestPhysicalAddress(start), contents.Length));
            entries[i] = new MultibootModule { Start = start, End = start + (uint)contents.Length, CommandLine = WriteText(modules[i].CommandLine) };
        }

        return entries.Length == 0 ? 0 : WriteArray(entries, "the module table");
    }

    private uint WriteArray<T>(T[] entries, string what)
        where T : unmanaged
    {
        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(entries.AsSpan());
        uint address = _space.Place((uint)bytes.Length, MachineLayout.MultibootInfo, 16, what);
        bytes.CopyTo(_memory.Slice(new GuestPhysicalAddress(address), bytes.Length));
        return address;
    }

    private uint WriteText(string text)
    {
        byte[] bytes = [.. Encoding.UTF8.GetBytes(text), 0];
        uint address = _space.Place((uint)bytes.Length, MachineLayout.MultibootInfo, 4, "a command line");
        bytes.CopyTo(_memory.Slice(new GuestPhysicalAddress(address), bytes.Length));
        return address;
    }

    private void Write<T>(uint address, T value)
        where T : unmanaged
        => MemoryMarshal.Write(_memory.Slice(new GuestPhysicalAddress(address), Unsafe.SizeOf<T>()), value);
}
