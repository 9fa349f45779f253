using System.Runtime.InteropServices;

namespace Runtime.Abi.Xen;

/// <summary>Sub-operations of xen_version (public/version.h).</summary>
public enum VersionOperation : uint
{
    Version = 0,
    ExtraVersion = 1,
    Capabilities = 3,
    GetFeatures = 6,
    PageSize = 7,
    GuestHandle = 8,
}

/// <summary>XENFEAT_* (public/features.h): bits of submap 0.</summary>
[Flags]
public enum XenFeatures : uint
{
    WritablePageTables = 1 << 0,
    WritableDescriptorTables = 1 << 1,
    AutoTranslatedPhysmap = 1 << 2,
    SupervisorModeKernel = 1 << 3,
    PaePageDirectoryAbove4Gib = 1 << 4,
    HvmCallbackVector = 1 << 8,
    HvmSafePvclock = 1 << 9,
}

[StructLayout(LayoutKind.Sequential)]
public struct FeatureArguments
{
    public uint Submap;
    public uint Features;
}
