using Runtime.Devices;
using Runtime.Engines.Interpreter;
using Runtime.Events;
using Runtime.Memory;
using Runtime.Time;

namespace Runtime.Paravirt.Xen;

/// <summary>What hypercalls act on.</summary>
internal sealed record XenInterfaces(
    EventChannels Events,
    GrantTable Grants,
    Reservation Reservation,
    GuestMemory Ram,
    PageTypes Types,
    Cpu Processor,
    HvmParameters Parameters,
    VcpuTimers Timers,
    RunstateClock Runstate,
    SystemTime Time,
    ISerialEndpoint Output,
    IPowerControl Power,
    Action<string> Kill,
    IClock Clock);
