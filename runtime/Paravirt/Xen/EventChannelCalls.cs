using Runtime.Abi.Xen;
using Runtime.Events;

namespace Runtime.Paravirt.Xen;

/// <summary>event_channel_op (32).</summary>
internal sealed class EventChannelCalls(EventChannels events, ArgumentMemory memory)
{
    public int Perform(EventChannelOperation operation, uint argument) => operation switch
    {
        EventChannelOperation.BindInterdomain => memory.Update(argument, (ref BindInterdomainArguments bind) => events.BindInterdomain(bind.RemoteDomain, bind.RemotePort, out bind.LocalPort)),
        EventChannelOperation.BindVirq => memory.Update(argument, (ref BindVirqArguments bind) => events.BindVirq(bind.Virq, bind.Vcpu, out bind.Port)),
        EventChannelOperation.BindIpi => memory.Update(argument, (ref BindIpiArguments bind) => events.BindIpi(bind.Vcpu, out bind.Port)),
        EventChannelOperation.AllocateUnbound => memory.Update(argument, (ref AllocateUnboundArguments allocate) => IsSelf(allocate.Domain) ? events.AllocateUnbound(allocate.RemoteDomain, out allocate.Port) : XenError.NotPermitted),
        EventChannelOperation.Status => memory.Update(argument, (ref PortStatusArguments query) => IsSelf(query.Domain) ? events.Query(ref query) : XenError.NotPermitted),
        EventChannelOperation.BindVcpu => memory.Update(argument, (ref BindVcpuArguments bind) => events.BindVcpu(bind.Port, bind.Vcpu)),
        EventChannelOperation.Close => OnPort(argument, events.Close),
        EventChannelOperation.Send => OnPort(argument, events.Send),
        EventChannelOperation.Unmask => OnPort(argument, events.Unmask),
        EventChannelOperation.Reset => Reset(argument),
        _ => ArgumentMemory.Failed(XenError.NoSystemCall),
    };

    private static bool IsSelf(ushort domain) => domain is DomainId.Self or DomainId.FirstGuest;

    private int OnPort(uint argument, Func<uint, XenError> operation)
        => memory.TryRead(argument, out uint port) ? ArgumentMemory.Failed(operation(port)) : ArgumentMemory.Failed(XenError.Fault);

    private int Reset(uint argument)
    {
        if (!memory.TryRead(argument, out ushort domain))
        {
            return ArgumentMemory.Failed(XenError.Fault);
        }

        if (!IsSelf(domain))
        {
            return ArgumentMemory.Failed(XenError.NotPermitted);
        }

        events.Reset();
        return 0;
    }
}
