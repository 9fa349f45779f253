// The structures of Xen's public/arch-x86/hvm/start_info.h, version 1, as they lie in guest memory.
using System.Runtime.InteropServices;

namespace Runtime.Loading;

/// <summary><c>struct hvm_start_info</c>, which EBX points to. Addresses are physical, 0 where there is nothing.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
internal struct PvhStartInfo
{
    /// <summary>XEN_HVM_START_MAGIC_VALUE: "xEn3" with the 0x80 bit of the "E" set.</summary>
    public const uint RightMagic = 0x336E_C578;

    /// <summary>The first version with a memory map.</summary>
    public const uint RightVersion = 1;

    public uint Magic;
    public uint Version;

    /// <summary>SIF_...: none applies to a guest that has no privileges over others.</summary>
    public uint Flags;
    public uint ModuleCount;
    public ulong ModuleList;
    public ulong CommandLine;

    /// <summary>The ACPI root pointer.</summary>
    public ulong RootPointer;
    public ulong MemoryMap;
    public uint MemoryMapEntries;
    public uint Reserved;
}

/// <summary><c>struct hvm_modlist_entry</c>.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
internal struct PvhModule
{
    public ulong Address;
    public ulong Size;
    public ulong CommandLine;
    public ulong Reserved;
}

/// <summary><c>struct hvm_memmap_table_entry</c>; types are those of E820.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
internal struct PvhMemoryRegion
{
    public ulong Address;
    public ulong Size;
    public uint Type;
    public uint Reserved;
}
