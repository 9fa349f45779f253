// Two-level event channels: a bit pending and a bit masked per port, a selector bit per 32 ports, one byte that asks for an upcall
// (public/xen.h, public/event_channel.h). The run loop delivers what IsUpcallPending says, before the guest goes on.
using Runtime.Abi.Xen;

namespace Runtime.Events;

/// <summary>The event channels of one guest. Safe from any thread; the guest changes masks and pending bits meanwhile.</summary>
/// <param name="wake">Gets the virtual processor to look. Called with the lock held: it must not call back.</param>
public sealed class EventChannels(SharedInfo shared, ushort domain, Action wake)
{
    private readonly Lock _gate = new();
    private readonly EventPort[] _ports = new EventPort[SharedInfoLayout.PortCount];
    private readonly List<(uint Port, Func<bool> IsStillNews)> _deferred = [];
    private bool _isPolling;

    /// <summary>An upcall is due: something is pending and the guest has not shut events off.</summary>
    public bool IsUpcallPending
        => Volatile.Read(ref shared.VcpuByte(SharedInfoLayout.UpcallPending)) != 0 && Volatile.Read(ref shared.VcpuByte(SharedInfoLayout.UpcallMask)) == 0;

    /// <summary>The virtual processor waits for pending bits, whether masked or not.</summary>
    public bool IsPolling { get => Volatile.Read(ref _isPolling); set => Volatile.Write(ref _isPolling, value); }

    /// <summary>The guest says "events now" (SCHEDOP_block does so on its way to sleep).</summary>
    public void AllowUpcalls() => Volatile.Write(ref shared.VcpuByte(SharedInfoLayout.UpcallMask), 0);

    /// <summary>A port that <paramref name="remote"/> may bind to.</summary>
    public XenError AllocateUnbound(ushort remote, out uint port)
    {
        using Lock.Scope held = _gate.EnterScope();
        return Allocate(new EventPort { Status = PortStatus.Unbound, RemoteDomain = remote == DomainId.Self ? domain : remote }, out port);
    }

    public XenError BindVirq(uint virq, uint vcpu, out uint port)
    {
        port = 0;
        if (virq >= Virq.Count)
        {
            return XenError.Invalid;
        }

        if (vcpu != 0)
        {
            return XenError.NoEntry;
        }

        using Lock.Scope held = _gate.EnterScope();
        return Find(virq) != 0 ? XenError.Exists : Allocate(new EventPort { Status = PortStatus.Virq, Virq = virq }, out port);
    }

    public XenError BindIpi(uint vcpu, out uint port)
    {
        port = 0;
        if (vcpu != 0)
        {
            return XenError.NoEntry;
        }

        using Lock.Scope held = _gate.EnterScope();
        return Allocate(new EventPort { Status = PortStatus.Ipi }, out port);
    }

    /// <summary>Binds a new port to an unbound one of the guest's own. Ports of other domains are not to be had this way.</summary>
    public XenError BindInterdomain(ushort remote, uint remotePort, out uint port)
    {
        port = 0;
        if (remote != DomainId.Self && remote != domain)
        {
            return XenError.NoDomain;
        }

        using Lock.Scope held = _gate.EnterScope();
        if (!IsValid(remotePort) || _ports[remotePort].Status != PortStatus.Unbound || _ports[remotePort].RemoteDomain != domain)
        {
            return XenError.Invalid;
        }

        XenError error = Allocate(new EventPort { Status = PortStatus.Interdomain, RemoteDomain = domain, RemotePort = remotePort }, out port);
        if (error == XenError.None)
        {
            _ports[remotePort] = new EventPort { Status = PortStatus.Interdomain, RemoteDomain = domain, RemotePort = port };
            // What was sent before both ends were there is not lost: the new end looks once.
            SetPending(port);
        }

        return error;
    }

    /// <summary>A port whose other end is a back end from the start.</summary>
    public XenError OpenToBackend(Action notified, out uint port)
    {
        using Lock.Scope held = _gate.EnterScope();
        return Allocate(new EventPort { Status = PortStatus.Interdomain, RemoteDomain = DomainId.Control, Notified = notified }, out port);
    }

    /// <summary>Connects a back end to a port that the guest has left unbound for it, or has for an earlier back end that went.</summary>
    public XenError ConnectBackend(uint port, Action notified)
    {
        using Lock.Scope held = _gate.EnterScope();
        if (!IsValid(port) || _ports[port].Status != PortStatus.Unbound || _ports[port].RemoteDomain != DomainId.Control)
        {
            return XenError.Invalid;
        }

        _ports[port] = new EventPort { Status = PortStatus.Interdomain, RemoteDomain = DomainId.Control, Notified = notified };
        return XenError.None;
    }

    /// <summary>The back end goes; the guest may bind the port anew or close it.</summary>
    public void DisconnectBackend(uint port)
    {
        using Lock.Scope held = _gate.EnterScope();
        if (IsValid(port) && _ports[port] is { Status: PortStatus.Interdomain, Notified: not null })
        {
            _ports[port] = new EventPort { Status = PortStatus.Unbound, RemoteDomain = DomainId.Control };
        }
    }

    public XenError Close(uint port)
    {
        using Lock.Scope held = _gate.EnterScope();
        if (!IsValid(port) || _ports[port].Status == PortStatus.Closed)
        {
            return XenError.Invalid;
        }

        if (_ports[port] is { Status: PortStatus.Interdomain, Notified: null, RemotePort: uint other })
        {
            _ports[other] = new EventPort { Status = PortStatus.Unbound, RemoteDomain = domain };
        }

        _ports[port] = default;
        Interlocked.And(ref shared.Word(WordOf(SharedInfoLayout.Pending, port)), ~Bit(port));
        return XenError.None;
    }

    /// <summary>EVTCHNOP_reset: all ports are closed, those to the store and the console included.</summary>
    public void Reset()
    {
        using Lock.Scope held = _gate.EnterScope();
        for (uint port = 1; port < _ports.Length; port++)
        {
            _ports[port] = default;
        }
    }

    /// <summary>The guest notifies the other end of a port.</summary>
    public XenError Send(uint port)
    {
        Action? notified = null;
        using (_gate.EnterScope())
        {
            if (!IsValid(port))
            {
                return XenError.Invalid;
            }

            EventPort end = _ports[port];
            switch (end.Status)
            {
                case PortStatus.Interdomain when end.Notified is not null:
                    notified = end.Notified;
                    break;
                case PortStatus.Interdomain:
                    SetPending(end.RemotePort);
                    break;
                case PortStatus.Ipi:
                    SetPending(port);
                    break;
                case PortStatus.Unbound:
                    // Nobody there yet: that is no error (evtchn_send).
                    break;
                default:
                    return XenError.Invalid;
            }
        }

        notified?.Invoke();
        return XenError.None;
    }

    /// <summary>A back end notifies the guest. A port that the guest has closed meanwhile is left alone.</summary>
    public void Raise(uint port)
    {
        using Lock.Scope held = _gate.EnterScope();
        if (IsValid(port) && _ports[port] is { Status: PortStatus.Interdomain, Notified: not null })
        {
            SetPending(port);
        }
    }

    /// <summary>Notifies the guest as soon as it can take an upcall, if what it is about is still news then: a front end that has just made a
    /// hypercall looks at its ring itself before it allows interrupts. For the virtual processor's thread, as <see cref="SettleDeferred"/>.</summary>
    public void RaiseUnlessSeen(uint port, Func<bool> isStillNews)
    {
        if (!_deferred.Exists(other => other.Port == port))
        {
            _deferred.Add((port, isStillNews));
        }
    }

    /// <summary>Something waits for <see cref="SettleDeferred"/>.</summary>
    public bool HasDeferred => _deferred.Count > 0;

    /// <summary>The guest can take an upcall, or goes to sleep.</summary>
    public void SettleDeferred()
    {
        foreach ((uint port, Func<bool> isStillNews) in _deferred)
        {
            if (isStillNews())
            {
                Raise(port);
            }
        }

        _deferred.Clear();
    }

    public void RaiseVirq(uint virq)
    {
        using Lock.Scope held = _gate.EnterScope();
        if (Find(virq) is uint port and not 0)
        {
            SetPending(port);
        }
    }

    /// <summary>Clears a port's mask, and delivers what was pending behind it.</summary>
    public XenError Unmask(uint port)
    {
        using Lock.Scope held = _gate.EnterScope();
        if (!IsValid(port))
        {
            return XenError.Invalid;
        }

        uint before = Interlocked.And(ref shared.Word(WordOf(SharedInfoLayout.Mask, port)), ~Bit(port));
        if ((before & Bit(port)) != 0 && IsPending(port))
        {
            Select(port);
        }

        return XenError.None;
    }

    public bool IsPending(uint port) => IsValid(port) && (Volatile.Read(ref shared.Word(WordOf(SharedInfoLayout.Pending, port))) & Bit(port)) != 0;

    public XenError BindVcpu(uint port, uint vcpu)
    {
        using Lock.Scope held = _gate.EnterScope();
        return !IsValid(port) || _ports[port].Status is PortStatus.Closed ? XenError.Invalid
            : vcpu != 0 ? XenError.NoEntry
            // A per-processor virq or an IPI cannot change its processor.
            : _ports[port].Status is PortStatus.Ipi || _ports[port] is { Status: PortStatus.Virq, Virq: Virq.Timer } ? XenError.Invalid
            : XenError.None;
    }

    public XenError Query(ref PortStatusArguments query)
    {
        using Lock.Scope held = _gate.EnterScope();
        if (!IsValid(query.Port))
        {
            return XenError.Invalid;
        }

        EventPort port = _ports[query.Port];
        (query.Status, query.Vcpu, query.First, query.Second) = (port.Status, 0, 0, 0);
        switch (port.Status)
        {
            case PortStatus.Unbound:
                query.First = port.RemoteDomain;
                break;
            case PortStatus.Interdomain:
                (query.First, query.Second) = (port.RemoteDomain, port.RemotePort);
                break;
            case PortStatus.Virq:
                query.First = port.Virq;
                break;
        }

        return XenError.None;
    }

    /// <summary>Does something to the shared page with no event coming in between.</summary>
    public void Quietly(Action<SharedInfo> change)
    {
        using Lock.Scope held = _gate.EnterScope();
        change(shared);
    }

    /// <summary>After vcpu_info has moved: everything may have been pending (vcpu_info registration in Xen does the same).</summary>
    public void SuspectAll()
    {
        using Lock.Scope held = _gate.EnterScope();
        Volatile.Write(ref shared.VcpuWord(SharedInfoLayout.PendingSelector), uint.MaxValue);
        Volatile.Write(ref shared.VcpuByte(SharedInfoLayout.UpcallPending), 1);
    }

    private static bool IsValid(uint port) => port is > 0 and < SharedInfoLayout.PortCount;

    private static int WordOf(int array, uint port) => array + (int)(port / SharedInfoLayout.BitsPerWord) * sizeof(uint);

    private static uint Bit(uint port) => 1u << (int)(port % SharedInfoLayout.BitsPerWord);

    private XenError Allocate(in EventPort state, out uint port)
    {
        for (port = 1; port < _ports.Length; port++)
        {
            if (_ports[port].Status == PortStatus.Closed)
            {
                _ports[port] = state;
                return XenError.None;
            }
        }

        port = 0;
        return XenError.NoSpace;
    }

    private uint Find(uint virq)
    {
        for (uint port = 1; port < _ports.Length; port++)
        {
            if (_ports[port].Status == PortStatus.Virq && _ports[port].Virq == virq)
            {
                return port;
            }
        }

        return 0;
    }

    private void SetPending(uint port)
    {
        uint before = Interlocked.Or(ref shared.Word(WordOf(SharedInfoLayout.Pending, port)), Bit(port));
        bool isMasked = (Volatile.Read(ref shared.Word(WordOf(SharedInfoLayout.Mask, port))) & Bit(port)) != 0;
        if ((before & Bit(port)) == 0 && !isMasked)
        {
            Select(port);
        }
        else if ((before & Bit(port)) == 0 && IsPolling)
        {
            // SCHEDOP_poll waits for pending bits, masked ones too.
            wake();
        }
    }

    private void Select(uint port)
    {
        uint bit = 1u << (int)(port / SharedInfoLayout.BitsPerWord);
        Interlocked.Or(ref shared.VcpuWord(SharedInfoLayout.PendingSelector), bit);
        if (Interlocked.Exchange(ref shared.VcpuByte(SharedInfoLayout.UpcallPending), 1) == 0)
        {
            wake();
        }
    }
}
