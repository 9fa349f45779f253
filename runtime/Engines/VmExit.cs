namespace Runtime.Engines;

/// <summary>Why an engine gave the processor back to the run loop.</summary>
public enum VmExitReason : byte
{
    /// <summary>An instruction was completed and nothing is asked (single steps only).</summary>
    None,

    /// <summary>IN or one element of INS: the run loop reads <see cref="VmExit.Port"/> and calls <c>CompletePortRead</c> with the value.</summary>
    PortRead,

    /// <summary>OUT or one element of OUTS: <see cref="VmExit.Value"/> goes to <see cref="VmExit.Port"/>. The instruction is already retired.</summary>
    PortWrite,

    /// <summary>HLT was retired: nothing more happens until an interrupt.</summary>
    Halt,

    /// <summary>An interrupt window was asked for and is open: IF is set and no shadow holds.</summary>
    InterruptWindow,

    /// <summary><c>Kick</c> was called from another thread, or the instruction budget is spent.</summary>
    Kicked,

    /// <summary>Triple fault: the processor shut down (SDM vol. 3, 6.15).</summary>
    Shutdown,

    /// <summary>The guest asked for something that no processor can do for it; <see cref="VmExit.Detail"/> says what. It dies.</summary>
    Impossible,

    /// <summary>A shim left by the gate: a far jump to <c>MonitorWindow.GateSelector</c> inside the linear overlay. EIP is still on
    /// that jump; <see cref="VmExit.Value"/> is the offset it names.</summary>
    Hypercall,

    /// <summary>The guest's kernel executed VMCALL, which is retired: number and arguments are in its registers, the result goes to EAX.</summary>
    XenHypercall,

    /// <summary>EIP has come to a shim in the monitor window. For engines among themselves: the run loop never sees it.</summary>
    Shim,
}

/// <summary>One exit. Fields that a reason does not name are zero.</summary>
public readonly record struct VmExit(VmExitReason Reason, ushort Port = 0, byte Size = 0, uint Value = 0, string? Detail = null)
{
    public static readonly VmExit None = default;

    public static VmExit PortRead(ushort port, byte size) => new(VmExitReason.PortRead, port, size);

    public static VmExit PortWrite(ushort port, byte size, uint value) => new(VmExitReason.PortWrite, port, size, value);

    public static VmExit Impossible(string detail) => new(VmExitReason.Impossible, Detail: detail);
}
