using System.Runtime.InteropServices;

namespace Runtime.Abi.Xen;

/// <summary>Sub-operations of event_channel_op (public/event_channel.h). Those of the FIFO ABI are refused, on which guests take the two-level one.</summary>
public enum EventChannelOperation : uint
{
    BindInterdomain = 0,
    BindVirq = 1,
    BindPirq = 2,
    Close = 3,
    Send = 4,
    Status = 5,
    AllocateUnbound = 6,
    BindIpi = 7,
    BindVcpu = 8,
    Unmask = 9,
    Reset = 10,
}

/// <summary>What a port is; the values are EVTCHNSTAT_*.</summary>
public enum PortStatus : uint
{
    Closed = 0,
    Unbound = 1,
    Interdomain = 2,
    Pirq = 3,
    Virq = 4,
    Ipi = 5,
}

/// <summary>Virtual interrupt lines (public/xen.h). Only the timer ever comes; the others can be bound.</summary>
public static class Virq
{
    public const uint Timer = 0;
    public const uint Count = 24;
}

[StructLayout(LayoutKind.Sequential)]
public struct BindInterdomainArguments
{
    public ushort RemoteDomain;
    public uint RemotePort;
    public uint LocalPort;
}

[StructLayout(LayoutKind.Sequential)]
public struct BindVirqArguments
{
    public uint Virq;
    public uint Vcpu;
    public uint Port;
}

[StructLayout(LayoutKind.Sequential)]
public struct BindIpiArguments
{
    public uint Vcpu;
    public uint Port;
}

[StructLayout(LayoutKind.Sequential)]
public struct AllocateUnboundArguments
{
    public ushort Domain;
    public ushort RemoteDomain;
    public uint Port;
}

[StructLayout(LayoutKind.Sequential)]
public struct BindVcpuArguments
{
    public uint Port;
    public uint Vcpu;
}

/// <summary>The union at the end is two words: for a virq its number, for an unbound or interdomain port the remote domain, then its port.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct PortStatusArguments
{
    public ushort Domain;
    public uint Port;
    public PortStatus Status;
    public uint Vcpu;
    public uint First;
    public uint Second;
}
