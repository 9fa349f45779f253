using Runtime.Abi.Xen;

namespace Runtime.Events;

/// <summary>One event channel as the hypervisor keeps it; the guest sees pending and mask bits only.</summary>
internal struct EventPort
{
    public PortStatus Status;

    /// <summary>For unbound and interdomain ports: the domain at the other end.</summary>
    public ushort RemoteDomain;

    /// <summary>For an interdomain port whose other end is the guest's own: that port.</summary>
    public uint RemotePort;

    /// <summary>For a virq: which.</summary>
    public uint Virq;

    /// <summary>For an interdomain port whose other end is a back end: what a notification calls, on the vcpu's thread.</summary>
    public Action? Notified;
}
