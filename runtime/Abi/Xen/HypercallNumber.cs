namespace Runtime.Abi.Xen;

/// <summary>The hypercalls that exist here (Xen, public/xen.h). Every other number is answered with -ENOSYS.</summary>
public enum HypercallNumber : uint
{
    MmuUpdate = 1,
    MemoryOp = 12,
    Multicall = 13,
    SetTimerOp = 15,
    XenVersion = 17,
    ConsoleIo = 18,
    GrantTableOp = 20,
    VcpuOp = 24,
    MmuExtendedOp = 26,
    SchedOp = 29,
    EventChannelOp = 32,
    HvmOp = 34,
}
