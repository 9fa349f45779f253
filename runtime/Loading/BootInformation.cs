// What a kernel is told in memory: structures and strings of a boot protocol, and the modules, each put where there is room.
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using Runtime.Memory;

namespace Runtime.Loading;

/// <summary>Places and writes the pieces of boot information. All addresses are physical.</summary>
/// <exception cref="Rewriter.Images.BadImageException">Thrown by each method that finds no room.</exception>
internal sealed class BootInformation
{
    private const ulong PageSize = 4096;

    private readonly BootSpace _space;
    private readonly GuestMemory _memory;

    public BootInformation(BootPlan plan, BootSpace space, GuestMemory memory)
    {
        _space = space;
        _memory = memory;
        ulong end = Math.Max(MachineLayout.ExtendedMemory, plan.Ranges.Max(range => range.End));
        KernelEnd = end + PageSize - 1 & ~(PageSize - 1);
    }

    /// <summary>The first page past the kernel, and above 1 MiB.</summary>
    public ulong KernelEnd { get; }

    /// <summary>Bytes of RAM.</summary>
    public ulong RamLength => _memory.RamLength;

    /// <summary>Room for <paramref name="count"/> structures, at the lowest free place from <paramref name="from"/> on.</summary>
    public uint Reserve<T>(int count, ulong from, ulong alignment, string what)
        where T : unmanaged
        => _space.Place((ulong)count * (uint)Unsafe.SizeOf<T>(), from, alignment, what);

    public void Write<T>(uint address, params ReadOnlySpan<T> structures)
        where T : unmanaged
    {
        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(structures);
        bytes.CopyTo(_memory.Slice(new GuestPhysicalAddress(address), bytes.Length));
    }

    /// <summary>A string in UTF-8 with its NUL.</summary>
    /// <returns>Its address.</returns>
    public uint WriteText(string text, ulong from)
    {
        byte[] bytes = [.. Encoding.UTF8.GetBytes(text), 0];
        uint address = _space.Place((uint)bytes.Length, from, 1, "a command line");
        bytes.CopyTo(_memory.Slice(new GuestPhysicalAddress(address), bytes.Length));
        return address;
    }

    /// <summary>The contents of a module, page-aligned past the kernel.</summary>
    /// <returns>Its address.</returns>
    public uint WriteModule(BootModule module)
    {
        uint address = _space.Place((ulong)module.Contents.Length, KernelEnd, PageSize, $"module {module.CommandLine}");
        module.Contents.Span.CopyTo(_memory.Slice(new GuestPhysicalAddress(address), module.Contents.Length));
        return address;
    }
}
