using System.Runtime.InteropServices;

namespace Runtime.Abi.Xen;

/// <summary>Sub-operations of sched_op (public/sched.h).</summary>
public enum SchedulerOperation : uint
{
    Yield = 0,
    Block = 1,
    Shutdown = 2,
    Poll = 3,
}

/// <summary>Why a guest shuts itself down.</summary>
public enum ShutdownReason : uint
{
    PowerOff = 0,
    Reboot = 1,
    Suspend = 2,
    Crash = 3,
    Watchdog = 4,
    SoftReset = 5,
}

[StructLayout(LayoutKind.Sequential, Pack = 4)]
public struct PollArguments
{
    public uint Ports;
    public uint PortCount;

    /// <summary>Absolute system time in nanoseconds; 0 for none.</summary>
    public ulong Timeout;
}
