using System.Runtime.InteropServices;

namespace Runtime.Abi.Xen;

/// <summary>Sub-operations of vcpu_op (public/vcpu.h).</summary>
public enum VcpuOperation : uint
{
    IsUp = 3,
    GetRunstate = 4,
    RegisterRunstateArea = 5,
    SetPeriodicTimer = 6,
    StopPeriodicTimer = 7,
    SetSingleshotTimer = 8,
    StopSingleshotTimer = 9,
    RegisterVcpuInfo = 10,
    RegisterTimeArea = 13,
}

/// <summary>What a processor is doing, and since when.</summary>
public enum Runstate
{
    Running = 0,
    Runnable = 1,
    Blocked = 2,
    Offline = 3,
}

/// <summary>struct vcpu_runstate_info of a 32-bit guest, 44 bytes; times in nanoseconds.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 4)]
public struct RunstateInfo
{
    public Runstate State;
    public ulong EntryTime;
    public ulong Running;
    public ulong Runnable;
    public ulong Blocked;
    public ulong Offline;
}

[StructLayout(LayoutKind.Sequential, Pack = 4)]
public struct SingleshotTimerArguments
{
    /// <summary>VCPU_SSHOTTMR_future: refuse a timeout that has passed.</summary>
    public const uint MustBeInFuture = 1;

    public ulong Timeout;
    public uint Flags;
}

[StructLayout(LayoutKind.Sequential, Pack = 4)]
public struct RegisterVcpuInfoArguments
{
    public ulong Frame;
    public uint Offset;
    public uint Reserved;
}
