using System.Runtime.InteropServices;

namespace Runtime.Abi.Xen;

/// <summary>Sub-operations of grant_table_op (public/grant_table.h).</summary>
public enum GrantTableOperation : uint
{
    MapGrantReference = 0,
    UnmapGrantReference = 1,
    SetupTable = 2,
    Transfer = 4,
    Copy = 5,
    QuerySize = 6,
    SetVersion = 8,
    GetVersion = 10,
}

/// <summary>GNTST_*: what each element of a batch reports.</summary>
public enum GrantStatus : short
{
    Okay = 0,
    GeneralError = -1,
    BadDomain = -2,
    BadReference = -3,
    BadHandle = -4,
    BadVirtualAddress = -5,
    PermissionDenied = -8,
    BadPage = -9,
    BadCopyArgument = -10,
    NoSpace = -13,
}

/// <summary>GTF_*: flags of a grant entry. The type is a field of two bits.</summary>
[Flags]
public enum GrantFlags : ushort
{
    Invalid = 0,
    PermitAccess = 1,
    AcceptTransfer = 2,
    TypeMask = 3,
    ReadOnly = 4,
    Reading = 8,
    Writing = 16,

    /// <summary>Of an entry that accepts a page: somebody is about to put one there, and has.</summary>
    TransferCommitted = 4,
    TransferCompleted = 8,
}

/// <summary>One entry of a version-1 grant table. The guest may change it at any time: it is copied, then looked at.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct GrantEntry
{
    public const int Length = 8;
    public const int PerFrame = 4096 / Length;

    public GrantFlags Flags;
    public ushort Domain;
    public uint Frame;
}

[StructLayout(LayoutKind.Sequential)]
public struct SetupTableArguments
{
    public ushort Domain;
    public uint FrameCount;
    public GrantStatus Status;
    public uint FrameList;
}

[StructLayout(LayoutKind.Sequential)]
public struct QuerySizeArguments
{
    public ushort Domain;
    public uint FrameCount;
    public uint MaximumFrameCount;
    public GrantStatus Status;
}

[StructLayout(LayoutKind.Sequential)]
public struct GetVersionArguments
{
    public ushort Domain;
    public ushort Padding;
    public uint Version;
}

/// <summary>One end of a copy: a grant reference or a frame number, as the flags of the copy say.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct GrantCopyEnd
{
    public uint ReferenceOrFrame;
    public ushort Domain;
    public ushort Offset;
}

[StructLayout(LayoutKind.Sequential)]
public struct GrantCopyArguments
{
    public const ushort SourceIsReference = 1;
    public const ushort DestinationIsReference = 2;

    public GrantCopyEnd Source;
    public GrantCopyEnd Destination;
    public ushort Length;
    public ushort Flags;
    public GrantStatus Status;
}

[StructLayout(LayoutKind.Sequential, Pack = 4)]
public struct MapGrantArguments
{
    public ulong HostAddress;
    public uint Flags;
    public uint Reference;
    public ushort Domain;
    public GrantStatus Status;
    public uint Handle;
    public ulong DeviceAddress;
}

[StructLayout(LayoutKind.Sequential, Pack = 4)]
public struct UnmapGrantArguments
{
    public ulong HostAddress;
    public ulong DeviceAddress;
    public uint Handle;
    public GrantStatus Status;
}
