// The structures of multiboot 0.6.96, section 3.3, as they lie in guest memory.
using System.Runtime.InteropServices;

namespace Runtime.Loading;

/// <summary>Which fields of <see cref="MultibootInfo"/> are valid.</summary>
[Flags]
internal enum MultibootInfoFlags : uint
{
    Memory = 1 << 0,
    BootDevice = 1 << 1,
    CommandLine = 1 << 2,
    Modules = 1 << 3,
    MemoryMap = 1 << 6,
    LoaderName = 1 << 9,
}

/// <summary>The boot information that EBX points to.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
internal struct MultibootInfo
{
    public MultibootInfoFlags Flags;

    /// <summary>KiB from 0.</summary>
    public uint MemoryLower;

    /// <summary>KiB from 1 MiB to the first hole.</summary>
    public uint MemoryUpper;
    public uint BootDevice;
    public uint CommandLine;
    public uint ModuleCount;
    public uint ModuleAddress;
    public uint SymbolsNumber;
    public uint SymbolsSize;
    public uint SymbolsAddress;
    public uint SymbolsIndex;
    public uint MemoryMapLength;
    public uint MemoryMapAddress;
    public uint DrivesLength;
    public uint DrivesAddress;
    public uint ConfigurationTable;
    public uint LoaderName;
    public uint ApmTable;
}

/// <summary>One module.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
internal struct MultibootModule
{
    public uint Start;
    public uint End;
    public uint CommandLine;
    public uint Reserved;
}

/// <summary>One entry of the memory map. <see cref="Size"/> does not count itself.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
internal struct MultibootMemoryRegion
{
    public uint Size;
    public ulong Address;
    public ulong Length;

    /// <summary>1 is RAM, all else is not.</summary>
    public uint Type;
}
