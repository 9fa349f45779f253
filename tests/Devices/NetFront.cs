// A front end of a network interface's rings, honest or not, as a test plays it, and another station on the switch.
using System.Runtime.InteropServices;
using Runtime.Abi.Xen;
using Runtime.Devices.Ethernet;
using Runtime.Devices.Xen;
using Runtime.Network;
using Runtime.Time;
using Runtime.XenStore;
using Tests.Events;
using Tests.Network;
using Xunit;

namespace Tests.Devices;

internal sealed class NetFront : IDisposable
{
    public const uint TransmitRingFrame = 10, ReceiveRingFrame = 11, TransmitReference = 8, ReceiveReference = 9;
    public const uint FirstFrame = 20, FirstReference = 100;
    public const int Pages = 200, PostedPages = 100;

    private const string Nodes = "/local/domain/1/device/vif/0/";

    private readonly VirtualSwitch _switch;
    private readonly NetBackend _backend;
    private readonly GuestPort _cable;
    private readonly uint _transmitPort;
    private readonly uint _receivePort;
    private ushort _posted;

    /// <param name="forwardsAtOnce">The guest's thread forwards what it sends, as where nobody else has the network's turn.</param>
    public NetFront(bool forwardsAtOnce = false)
    {
        VirtualSwitch wire = null!;
        wire = _switch = new VirtualSwitch(() => _ = forwardsAtOnce && wire.Forward(1000));
        Completions = new CompletionQueue(() => { });
        _cable = new GuestPort(Mac, Completions);
        _cable.Plug(_switch.Connect(_cable, Mac));
        Other.Port = _switch.Connect(Other, OtherMac);
        var host = new BackendHost(DomainId.FirstGuest, Store, Guest.Events, Guest.Grants, Guest.Memory, Completions, () => IsIdle, reason => Death ??= reason, Clock, Guest.Reservation);
        _backend = new NetBackend(host, _cable);
        _backend.Offer();
        Transmit = new FrontRing(Guest.Memory, [TransmitRingFrame], NetTransmitRequest.Length, uint.MaxValue - 300);
        Receive = new FrontRing(Guest.Memory, [ReceiveRingFrame], NetReceiveRequest.Length, uint.MaxValue - 300);
        Guest.Grant(TransmitReference, TransmitRingFrame);
        Guest.Grant(ReceiveReference, ReceiveRingFrame);
        for (uint i = 0; i < Pages; i++)
        {
            Guest.Grant(FirstReference + i, FirstFrame + i);
        }

        Assert.Equal(XenError.None, Guest.Events.AllocateUnbound(DomainId.Control, out _transmitPort));
        Assert.Equal(XenError.None, Guest.Events.AllocateUnbound(DomainId.Control, out _receivePort));
    }

    /// <summary>The guest waits for an event.</summary>
    public bool IsIdle { get; set; }

    public FakeClock Clock { get; } = new();

    /// <summary>The back end, as the run loop sees it.</summary>
    public ITimedDevice Timed => _backend;

    public static MacAddress Mac { get; } = MacAddress.ForGuest(1);

    public static MacAddress OtherMac { get; } = MacAddress.ForGuest(2);

    public string? Death { get; private set; }

    public XenGuest Guest { get; } = new();

    public Store Store { get; } = new();

    public TestStation Other { get; } = new();

    public FrontRing Transmit { get; }

    public FrontRing Receive { get; }

    public CompletionQueue Completions { get; }

    public string State => Store.Read("/local/domain/0/backend/vif/1/0/state")!;

    public void Connect(bool isLarge = false, bool copies = true, bool splits = true, uint reference = TransmitReference)
    {
        Store.Write(Nodes + "tx-ring-ref", reference.ToString());
        Store.Write(Nodes + "rx-ring-ref", ReceiveReference.ToString());
        if (splits)
        {
            Store.Write(Nodes + "event-channel-tx", _transmitPort.ToString());
            Store.Write(Nodes + "event-channel-rx", _receivePort.ToString());
        }
        else
        {
            Store.Write(Nodes + "event-channel", _transmitPort.ToString());
        }

        Store.Write(Nodes + "request-rx-copy", copies ? "1" : "0");
        Store.Write(Nodes + "feature-sg", isLarge ? "1" : "0");
        Store.Write(Nodes + "feature-gso-tcpv4", isLarge ? "1" : "0");
        SetState(XenbusState.Connected);
    }

    public void SetState(XenbusState state) => Store.Write(Nodes + "state", ((int)state).ToString());

    public Span<byte> Page(int index) => Guest.Memory.FrameBytes(FirstFrame + (uint)index);

    public void PutTransmit(int page, int offset, int size, ushort id, NetFlags flags = NetFlags.None)
        => Put(Transmit, new NetTransmitRequest(FirstReference + (uint)page, (ushort)offset, flags, id, (ushort)size));

    public void PutExtra(int segmentSize, byte flags = 0)
        => Put(Transmit, new NetExtraInfo(NetExtraInfo.TypeSegmentation, flags, (ushort)segmentSize, NetExtraInfo.SegmentTcp4, 0, 0));

    /// <summary>Gives back the pages that the next posts will name, and posts them as places for others.</summary>
    public void Accept(int count)
    {
        for (int i = 0; i < count; i++)
        {
            uint page = (uint)(Pages - PostedPages + (_posted + i) % PostedPages);
            Assert.True(Guest.Reservation.TryGiveBack(FirstFrame + page));
            Guest.Grant(FirstReference + page, FirstFrame + page, GrantFlags.AcceptTransfer);
        }

        Post(count);
    }

    /// <summary>Posts pages for receiving, with their numbers as ids; the last ones there are.</summary>
    public void Post(int count)
    {
        for (int i = 0; i < count; i++)
        {
            int page = Pages - PostedPages + _posted++ % PostedPages;
            Put(Receive, new NetReceiveRequest((ushort)page, 0, FirstReference + (uint)page));
        }

        if (Receive.Push())
        {
            Guest.Events.Send(_receivePort);
        }
    }

    public void Push()
    {
        if (Transmit.Push())
        {
            Guest.Events.Send(_transmitPort);
        }
    }

    /// <summary>A frame of 60 bytes for the other station.</summary>
    /// <param name="page">Where it lies, and its id.</param>
    /// <returns>Whether the back end is to be notified.</returns>
    public bool Put(int page)
    {
        TestStation.Frame(OtherMac, Mac).ToArray().CopyTo(Page(page));
        PutTransmit(page, 0, 60, (ushort)page);
        return Transmit.Push();
    }

    public void Send(int page)
    {
        if (Put(page))
        {
            Notify();
        }
    }

    /// <summary>What the run loop does before the guest's processor sleeps.</summary>
    public void Sleep()
    {
        Guest.Events.SettleDeferred();
        Run();
    }

    public void Notify() => Guest.Events.Send(_transmitPort);

    public void NotifyReceive() => Guest.Events.Send(_receivePort);

    /// <summary>Lets the switch, what it woke and what is due do all they can.</summary>
    public void Run()
    {
        do
        {
            Completions.Advance(0);
            if (Timed.NextDeadline <= Clock.Now)
            {
                Timed.Advance(Clock.Now);
            }
        }
        while (_switch.Forward(1000) || Completions.NextDeadline == 0 || Timed.NextDeadline <= Clock.Now);
    }

    public List<NetTransmitResponse> Answers()
    {
        var answers = new List<NetTransmitResponse>();
        Span<byte> slot = stackalloc byte[4];
        while (Transmit.TryTake(slot))
        {
            answers.Add(MemoryMarshal.Read<NetTransmitResponse>(slot));
        }

        return answers;
    }

    public List<NetReceiveResponse> Arrivals()
    {
        var arrivals = new List<NetReceiveResponse>();
        Span<byte> slot = stackalloc byte[8];
        while (Receive.TryTake(slot))
        {
            arrivals.Add(MemoryMarshal.Read<NetReceiveResponse>(slot));
        }

        return arrivals;
    }

    public void Dispose()
    {
        _backend.Dispose();
        Guest.Dispose();
    }

    public static void Put<T>(FrontRing ring, T slot)
        where T : unmanaged
        => ring.Put(MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in slot)));
}
