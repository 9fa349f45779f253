// The transmit ring of a ring network interface. Frames are given to the switch by reference: the pages stay pinned, and the request
// unanswered, until the receiver has copied them to where it wants them.
using System.Runtime.InteropServices;
using Runtime.Abi.Xen;
using Runtime.Devices.Xen;
using Runtime.Events;
using Runtime.Memory;
using Runtime.Network;
using Runtime.Time;

namespace Runtime.Devices.Ethernet;

/// <summary>Serves one front end's transmit ring. All on the vcpu's thread but the answers, which come from whoever releases a frame.</summary>
internal sealed class NetTransmitter(BackendHost host, GuestPort cable, uint ringFrame, uint port) : IDisposable
{
    /// <summary>Answers that are told though the guest sends on: it waits for room, or for its sockets' buffers.</summary>
    private const int TellAtOnce = 64;

    private readonly Lock _gate = new();
    private readonly BackRing _ring = Resumed(new BackRing(host.Ram, [ringFrame], NetTransmitRequest.Length));
    private readonly HashSet<ushort> _inFlight = [];
    private readonly HashSet<NetPacket> _sent = [];
    private readonly RingAttention _attention = new();
    private NetPacket? _waiting;
    private int _server;
    private int _untold;
    private bool _isGone;

    /// <summary>When to look at the ring if the guest does not ask for it. At once where that costs nothing, the guest being stopped anyway.</summary>
    public long NextDeadline => !_attention.IsOn ? DeadlineQueue.Never : _ring.HasRequests || host.IsGuestIdle() ? 0 : _attention.Until;

    /// <summary>The guest says that the ring holds something, in a hypercall that it waits for.</summary>
    public void Notified() => Service(isInHypercall: true);

    /// <summary>Sends what the ring holds, until it is empty or the network full.</summary>
    public void Service() => Service(isInHypercall: false);

    private void Service(bool isInHypercall)
    {
        bool isPeriodOver = host.Clock.Now >= _attention.Until;
        _server = Environment.CurrentManagedThreadId;
        while (!_isGone)
        {
            int taken = TakeAll();
            lock (_gate)
            {
                if (_waiting is not null)
                {
                    _attention.Stop(); // called again when there is room
                    break;
                }

                if (_isGone || _attention.Continues(host.Clock.Now, taken, mayContinue: !host.IsGuestIdle()) || !_ring.FinalCheck())
                {
                    break;
                }
            }
        }

        _server = 0;
        lock (_gate)
        {
            if (!_attention.IsOn || isPeriodOver || _untold >= TellAtOnce)
            {
                Tell(isInHypercall);
            }
        }
    }

    /// <returns>Packets taken.</returns>
    private int TakeAll()
    {
        for (int taken = 0; ; taken++)
        {
            if (_waiting is not null && !cable.TryTransmit(_waiting.Frame!))
            {
                return taken;
            }

            _waiting = null;
            NetPacket? packet;
            lock (_gate)
            {
                if (!TryTake(out packet) || packet is null)
                {
                    return taken;
                }
            }

            if (TryPin(packet))
            {
                _waiting = packet;
            }
            else
            {
                Answer(packet, NetStatus.Error);
            }
        }
    }

    /// <summary>Takes the guest's pages back: whoever still has a frame goes on with a copy.</summary>
    public void Dispose()
    {
        NetPacket[] left;
        lock (_gate)
        {
            _isGone = true;
            left = [.. _sent];
        }

        foreach (NetPacket packet in left)
        {
            packet.Frame?.Detach();
            Answer(packet, NetStatus.Dropped);
        }
    }

    private static BackRing Resumed(BackRing ring)
    {
        ring.Resume();
        return ring;
    }

    /// <summary>The next packet, or null when there is none. False when the guest is ended for what it has put there.</summary>
    private bool TryTake(out NetPacket? packet)
    {
        packet = null;
        Span<byte> slot = stackalloc byte[NetTransmitRequest.Length];
        switch (_ring.TryTake(slot))
        {
            case RingState.Empty:
                return true;
            case RingState.Overrun:
                return Refuse("the request producer is further ahead than the ring has slots");
        }

        var taken = new NetPacket();
        var request = MemoryMarshal.Read<NetTransmitRequest>(slot);
        if (!TryAdd(taken, request) || (request.Flags.HasFlag(NetFlags.TransmitExtraInfo) && !TryTakeExtras(taken, slot)))
        {
            return false;
        }

        while (request.Flags.HasFlag(NetFlags.TransmitMoreData))
        {
            if (_ring.TryTake(slot) != RingState.Taken)
            {
                return Refuse("a packet ends before its last part");
            }

            request = MemoryMarshal.Read<NetTransmitRequest>(slot);
            if (!TryAdd(taken, request))
            {
                return false;
            }
        }

        packet = taken;
        return true;
    }

    private bool TryAdd(NetPacket packet, in NetTransmitRequest request)
    {
        packet.Parts.Add(request);
        if (packet.Parts.Count > NetPacket.MaximumParts)
        {
            return Refuse($"a packet of more than {NetPacket.MaximumParts} parts");
        }

        return _inFlight.Add(request.Id) || Refuse($"request id {request.Id} is in flight twice");
    }

    private bool TryTakeExtras(NetPacket packet, Span<byte> slot)
    {
        NetExtraInfo extra;
        do
        {
            if (_ring.TryTake(slot) != RingState.Taken || ++packet.Extras > NetPacket.MaximumParts)
            {
                return Refuse("extra information that is not there, or without end");
            }

            extra = MemoryMarshal.Read<NetExtraInfo>(slot);
            if (extra is { Type: NetExtraInfo.TypeSegmentation, SegmentType: NetExtraInfo.SegmentTcp4 })
            {
                packet.SegmentSize = extra.SegmentSize;
            }
        }
        while ((extra.Flags & NetExtraInfo.FlagMore) != 0);
        return true;
    }

    private bool Refuse(string why)
    {
        host.Kill("its network ring: " + why);
        _isGone = true;
        return false;
    }

    private bool TryPin(NetPacket packet)
    {
        Span<uint> frames = stackalloc uint[NetPacket.MaximumParts];
        Span<GuestRange> ranges = stackalloc GuestRange[NetPacket.MaximumParts];
        for (int i = 0; i < packet.Parts.Count; i++)
        {
            uint reference = packet.Parts[i].Reference;
            if (host.Grants.TryPin(reference, write: false, out frames[i]) != GrantStatus.Okay)
            {
                return false;
            }

            packet.Pinned.Add(reference);
        }

        if (!packet.TryLayOut(ranges, frames))
        {
            return false;
        }

        var pieces = new ReadOnlyMemory<byte>[packet.Parts.Count];
        for (int i = 0; i < pieces.Length; i++)
        {
            pieces[i] = host.Ram.Borrow(ranges[i]);
        }

        packet.Frame = new EthernetFrame(pieces, () => Answer(packet, NetStatus.Okay), isBorrowed: true)
        {
            SegmentSize = packet.SegmentSize,
            LacksChecksum = (packet.Parts[0].Flags & NetFlags.TransmitChecksumBlank) != 0,
        };
        lock (_gate)
        {
            _sent.Add(packet);
        }

        return true;
    }

    /// <summary>Gives the pages back and answers each request. Once for each packet; safe from any thread.</summary>
    private void Answer(NetPacket packet, short status)
    {
        lock (_gate)
        {
            if (packet.Frame is not null && !_sent.Remove(packet))
            {
                return; // answered when the ring went
            }

            packet.Pinned.ForEach(reference => host.Grants.Unpin(reference, write: false));
            if (_isGone)
            {
                return;
            }

            for (int i = 0; i < packet.Parts.Count + packet.Extras; i++)
            {
                // Extra information comes behind the first request.
                bool isExtra = i > 0 && i <= packet.Extras;
                ushort id = isExtra ? (ushort)0 : packet.Parts[i == 0 ? 0 : i - packet.Extras].Id;
                var response = new NetTransmitResponse(id, isExtra ? NetStatus.Null : status);
                _ring.Put(MemoryMarshal.AsBytes(new ReadOnlySpan<NetTransmitResponse>(in response)));
                if (!isExtra)
                {
                    _inFlight.Remove(id);
                }
            }

            if (_ring.Publish() || _untold > 0)
            {
                _untold += packet.Parts.Count + packet.Extras;
            }

            if (_server != Environment.CurrentManagedThreadId && !_attention.IsOn)
            {
                Tell(isInHypercall: false);
            }
        }
    }

    /// <summary>Notifies the guest of answers, if it has asked for that and not seen them itself meanwhile. With the gate held.</summary>
    private void Tell(bool isInHypercall)
    {
        if (_untold == 0 || _isGone)
        {
            return;
        }

        _untold = 0;
        if (isInHypercall)
        {
            // The frame got where it goes while the guest notifies of it. Linux up to 6.1 looks for responses right after that, and counts it
            // as spurious to be told all the same: after some of those it hears of the next ones late (xen_irq_lateeoi).
            host.Events.RaiseUnlessSeen(port, () => _ring.IsAwaited);
        }
        else if (_ring.IsAwaited)
        {
            host.Events.Raise(port);
        }
    }
}
