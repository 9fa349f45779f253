using Runtime.Abi.Xen;
using Runtime.Network;
using Tests.Network;
using Xunit;

namespace Tests.Devices;

public sealed class NetBackendTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void FramesGoOutByReferenceAndAreAnsweredWhenTheyAreRead(bool splits)
    {
        using var front = new NetFront();
        front.Connect(splits: splits);
        Assert.Equal("4", front.State);
        byte[] frame = Put(front, 0, 700, 40);
        front.PutTransmit(0, 40, 700, id: 5);
        front.Push();
        front.Run();
        Assert.Equal(3, front.Guest.Grants.PinCount); // two rings, one page
        Assert.Empty(front.Answers());
        front.Page(0)[40 + 60] ^= 0xFF; // nobody has copied it: what the guest changes now is what arrives
        frame[60] ^= 0xFF;
        Assert.Equal(frame, front.Other.Take());
        Assert.Equal(new NetTransmitResponse(5, NetStatus.Okay), Assert.Single(front.Answers()));
        Assert.Equal(2, front.Guest.Grants.PinCount);
    }

    /// <summary>A frame that is where it goes before the guest's hypercall ends: the guest is told only if it does not look at its ring.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void WhatIsSentWithinTheHypercallIsNotifiedUnlessSeen(bool looks)
    {
        using var front = new NetFront(forwardsAtOnce: true);
        front.Other.ReleasesAtOnce = true;
        front.Connect();
        front.IsIdle = true; // else the back end looks on by itself, and tells it later
        front.Guest.HandleUpcall();
        Put(front, 0, 60, 0);
        front.PutTransmit(0, 0, 60, id: 1);
        front.Push();
        Assert.Equal(2, front.Guest.Grants.PinCount); // the rings; the frame is gone
        Assert.False(front.Guest.Events.IsUpcallPending);
        if (looks)
        {
            Assert.Single(front.Answers());
            front.Transmit.FinalCheck();
        }

        front.Guest.Events.SettleDeferred();
        Assert.Equal(!looks, front.Guest.Events.IsUpcallPending);
    }

    [Fact]
    public void PacketsOfManyPartsWithSegmentation()
    {
        using var front = new NetFront();
        front.Connect();
        byte[] whole = new byte[10_000];
        new Random(1).NextBytes(whole);
        TestStation.Frame(NetFront.OtherMac, NetFront.Mac).ToArray().AsSpan(0, 14).CopyTo(whole);
        whole.AsSpan(0, 3000).CopyTo(front.Page(0)[1000..]);
        whole.AsSpan(3000, 4096).CopyTo(front.Page(1));
        whole.AsSpan(7096).CopyTo(front.Page(2)[100..]);
        front.PutTransmit(0, 1000, 10_000, id: 1, NetFlags.TransmitMoreData | NetFlags.TransmitExtraInfo | NetFlags.TransmitChecksumBlank);
        front.PutExtra(1400);
        front.PutTransmit(1, 0, 4096, id: 2, NetFlags.TransmitMoreData);
        front.PutTransmit(2, 100, 2904, id: 3);
        front.Push();
        front.Run();
        Assert.Equal(whole, front.Other.Take());
        Assert.Equal(
            [new(1, NetStatus.Okay), new(0, NetStatus.Null), new(2, NetStatus.Okay), new(3, NetStatus.Okay)],
            front.Answers());
    }

    /// <summary>As long as the protocol can say, and no TCP packet: it is the switch's to carry, and is not too long for anything on the way.</summary>
    [Theory]
    [InlineData(16, 65_535, NetStatus.Okay)]
    [InlineData(17, 65_535, NetStatus.Error)] // the other parts are longer than the whole
    [InlineData(1, 4_097, NetStatus.Error)]
    public void FramesOfAnyLength(int parts, int length, short status)
    {
        using var front = new NetFront();
        front.Connect();
        Put(front, 0, 60, 0);
        for (int i = 0; i < parts; i++)
        {
            NetFlags flags = i < parts - 1 ? NetFlags.TransmitMoreData : NetFlags.None;
            front.PutTransmit(i, 0, i == 0 ? length : 4096, (ushort)i, flags);
        }

        front.Push();
        front.Run();
        Assert.Equal(status == NetStatus.Okay ? 1 : 0, front.Other.Count);
        if (status == NetStatus.Okay)
        {
            Assert.Equal(length, front.Other.Take().Length);
        }

        Assert.Equal(parts, front.Answers().Count(answer => answer.Status == status));
        Assert.Equal(2, front.Guest.Grants.PinCount);
        Assert.Null(front.Death);
    }

    /// <summary>What a hostile neighbour sends: too long and no TCP packet, or in segments without end. The guest gets nothing of it, and what comes
    /// behind.</summary>
    [Theory]
    [InlineData(0, false)]
    [InlineData(1, false)]
    [InlineData(1460, true)]
    [InlineData(1, true)]
    public void FramesThatNoReceiverTakesAreLost(int segmentSize, bool isLarge)
    {
        using var front = new NetFront();
        front.Connect(isLarge);
        front.Post(40);
        bool isTcp = segmentSize == 1;
        byte[] packet = UserGuest.Packet((byte)(isTcp ? 6 : 17), UserGuest.Gateway, new byte[60_000]);
        packet[34 + 12] = 0x50;
        NetFront.Mac.Write(packet);
        NetFront.OtherMac.Write(packet.AsSpan(6));
        Assert.True(front.Other.Port.TryTransmit(new EthernetFrame([packet]) { SegmentSize = segmentSize }));
        front.Other.Send(TestStation.Frame(NetFront.Mac, NetFront.OtherMac).ToArray());
        front.Run();
        Assert.Equal(60, Assert.Single(front.Arrivals()).Status);
    }

    [Fact]
    public void FramesArriveInPostedPages()
    {
        using var front = new NetFront();
        front.Connect();
        byte[] first = TestStation.Frame(NetFront.Mac, NetFront.OtherMac, 1500, fill: 1).ToArray();
        byte[] second = TestStation.Frame(NetFront.Mac, NetFront.OtherMac, 60, fill: 2).ToArray();
        front.Other.Send(first);
        front.Run();
        Assert.Empty(front.Arrivals()); // no page yet: it waits
        front.Post(2);
        front.Other.Send(second);
        front.Run();
        List<NetReceiveResponse> arrivals = front.Arrivals();
        Assert.Equal([1500, 60], arrivals.Select(arrival => arrival.Status));
        Assert.Equal(first, front.Page(arrivals[0].Id)[..1500].ToArray());
        Assert.Equal(second, front.Page(arrivals[1].Id)[..60].ToArray());
        Assert.Equal(2, front.Guest.Grants.PinCount);
    }

    /// <summary>A large packet comes whole to a front end that takes it, cut to one that does not.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void LargePackets(bool isLarge)
    {
        using var front = new NetFront();
        front.Connect(isLarge);
        front.Post(20);
        byte[] packet = UserGuest.Packet(6, UserGuest.Gateway, new byte[20 + 6000]);
        packet[34 + 12] = 0x50;
        NetFront.Mac.Write(packet);
        NetFront.OtherMac.Write(packet.AsSpan(6));
        Assert.True(front.Other.Port.TryTransmit(new EthernetFrame([packet]) { SegmentSize = 1460, LacksChecksum = true }));
        front.Run();
        List<NetReceiveResponse> arrivals = front.Arrivals();
        Assert.All(arrivals.Where(arrival => arrival.Offset == 0 && arrival.Status > 60), arrival => Assert.InRange(arrival.Status, 1, 4096));
        if (isLarge)
        {
            Assert.Equal(3, arrivals.Count);
            Assert.Equal(NetFlags.ReceiveChecksumBlank | NetFlags.ReceiveDataValidated | NetFlags.ReceiveExtraInfo | NetFlags.ReceiveMoreData, arrivals[0].Flags);
            Assert.Equal(NetExtraInfo.TypeSegmentation, arrivals[1].Id & 0xFF); // in the place of a response
            Assert.Equal(1460, arrivals[1].Offset);
            Assert.Equal(packet.Length, arrivals[0].Status + arrivals[2].Status);
        }
        else
        {
            Assert.Equal([1514, 1514, 1514, 1514, 214], arrivals.Select(arrival => arrival.Status));
        }
    }

    /// <summary>Whatever the order of sending, posting, waking and reading, everything arrives once, unchanged and in order.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void AnyInterleavingAgreesWithAQueue(int seed)
    {
        using var front = new NetFront();
        front.Connect();
        var random = new Random(seed);
        var outgoing = new Queue<byte[]>();
        var incoming = new Queue<byte[]>();
        var freePages = new Queue<ushort>(Enumerable.Range(0, 100).Select(i => (ushort)i));
        int posted = 0;
        for (int step = 0; step < 20_000; step++)
        {
            switch (random.Next(7))
            {
                case 0 when freePages.Count > 0 && !front.Transmit.IsFull:
                    ushort page = freePages.Dequeue();
                    int length = random.Next(60, 1500);
                    byte[] frame = Put(front, page, length, 0, (byte)random.Next(256));
                    outgoing.Enqueue(frame);
                    front.PutTransmit(page, 0, length, page);
                    break;
                case 1:
                    front.Push();
                    break;
                case 2 when incoming.Count < 200:
                    byte[] arriving = TestStation.Frame(NetFront.Mac, NetFront.OtherMac, random.Next(60, 1500), fill: (byte)random.Next(256)).ToArray();
                    incoming.Enqueue(arriving);
                    front.Other.Send(arriving);
                    break;
                case 3 when posted < NetFront.PostedPages - 4:
                    int count = random.Next(1, 4);
                    front.Post(count);
                    posted += count;
                    break;
                case 4:
                    front.Run();
                    break;
                case 5:
                    while (front.Other.Count > 0)
                    {
                        Assert.Equal(outgoing.Dequeue(), front.Other.Take());
                    }

                    foreach (NetTransmitResponse answer in front.Answers())
                    {
                        Assert.Equal(NetStatus.Okay, answer.Status);
                        freePages.Enqueue(answer.Id);
                    }

                    break;
                default:
                    foreach (NetReceiveResponse arrival in front.Arrivals())
                    {
                        posted--;
                        Assert.Equal(incoming.Dequeue(), front.Page(arrival.Id)[..arrival.Status].ToArray());
                    }

                    break;
            }
        }

        Assert.Null(front.Death);
    }

    /// <summary>Page flip: what the front end posts are places whose pages it has given back.</summary>
    [Fact]
    public void FramesArriveInPagesThatChangeTheirOwner()
    {
        using var front = new NetFront();
        front.Connect(copies: false);
        uint owned = front.Guest.Reservation.Current;
        byte[] first = TestStation.Frame(NetFront.Mac, NetFront.OtherMac, 1500, fill: 1).ToArray();
        byte[] second = TestStation.Frame(NetFront.Mac, NetFront.OtherMac, 60, fill: 2).ToArray();
        front.Accept(3);
        front.Page(NetFront.Pages - NetFront.PostedPages).Fill(0x77); // a hole: nothing that was there is seen later
        Assert.Equal(owned - 3, front.Guest.Reservation.Current);
        front.Other.Send(first);
        front.Other.Send(second);
        front.Run();
        List<NetReceiveResponse> arrivals = front.Arrivals();
        Assert.Equal([1500, 60], arrivals.Select(arrival => arrival.Status));
        Assert.Equal([.. first, .. new byte[4096 - 1500]], front.Page(arrivals[0].Id).ToArray());
        Assert.Equal([.. second, .. new byte[4096 - 60]], front.Page(arrivals[1].Id).ToArray());
        Assert.Equal(owned - 1, front.Guest.Reservation.Current);
        const GrantFlags accepted = GrantFlags.AcceptTransfer | GrantFlags.TransferCommitted | GrantFlags.TransferCompleted;
        Assert.All(arrivals, arrival => Assert.Equal(accepted, front.Guest.FlagsOf(NetFront.FirstReference + arrival.Id)));
        Assert.Equal(2, front.Guest.Grants.PinCount);
    }

    /// <summary>No page comes where one is already, where there is no memory, beyond what the guest may have, for another domain, or twice.</summary>
    [Theory]
    [InlineData("owned")]
    [InlineData("nowhere")]
    [InlineData("limit")]
    [InlineData("access")]
    [InlineData("other")]
    [InlineData("twice")]
    public void PagesThatCannotBeTransferredAreErrors(string kind)
    {
        using var front = new NetFront();
        front.Connect(copies: false);
        front.Accept(1);
        int page = NetFront.Pages - NetFront.PostedPages;
        uint reference = NetFront.FirstReference + (uint)page, frame = NetFront.FirstFrame + (uint)page;
        switch (kind)
        {
            case "owned":
                Assert.True(front.Guest.Reservation.TryPopulate(frame));
                break;
            case "nowhere":
                front.Guest.Grant(reference, 0x8000_0000, GrantFlags.AcceptTransfer);
                break;
            case "limit":
                front.Guest.Reservation.Limit = front.Guest.Reservation.Current;
                break;
            case "access":
                front.Guest.Grant(reference, frame);
                break;
            case "other":
                front.Guest.Grant(reference, frame, GrantFlags.AcceptTransfer, domain: 7);
                break;
            default:
                front.Guest.Grant(reference, frame, GrantFlags.AcceptTransfer | GrantFlags.TransferCommitted | GrantFlags.TransferCompleted);
                break;
        }

        uint owned = front.Guest.Reservation.Current;
        GrantFlags before = front.Guest.FlagsOf(reference);
        front.Other.Send(TestStation.Frame(NetFront.Mac, NetFront.OtherMac, 60, fill: 2).ToArray());
        front.Run();
        Assert.Equal(NetStatus.Error, Assert.Single(front.Arrivals()).Status);
        Assert.Equal(before, front.Guest.FlagsOf(reference));
        Assert.Equal(owned, front.Guest.Reservation.Current);
        Assert.Null(front.Death);
    }

    [Fact]
    public void ARingThatIsNotGrantedIsRefused()
    {
        using var front = new NetFront();
        front.Connect(reference: 99);
        Assert.Equal("6", front.State);
        Assert.Equal(0, front.Guest.Grants.PinCount);
    }

    [Theory]
    [InlineData("foreign page")]
    [InlineData("outside its page")]
    [InlineData("no data")]
    [InlineData("parts longer than the whole")]
    [InlineData("not granted to us")]
    public void RequestsThatCannotBeDoneAreAnsweredWithAnError(string kind)
    {
        using var front = new NetFront();
        front.Connect();
        switch (kind)
        {
            case "foreign page":
                front.Guest.Grant(NetFront.FirstReference, 0x8000_0000);
                front.PutTransmit(0, 0, 60, id: 1);
                break;
            case "outside its page":
                front.PutTransmit(0, 4090, 60, id: 1);
                break;
            case "no data":
                front.PutTransmit(0, 0, 0, id: 1);
                break;
            case "parts longer than the whole":
                front.PutTransmit(0, 0, 60, id: 1, NetFlags.TransmitMoreData);
                front.PutTransmit(1, 0, 100, id: 2);
                break;
            default:
                front.Guest.Grant(NetFront.FirstReference, NetFront.FirstFrame, domain: 7);
                front.PutTransmit(0, 0, 60, id: 1);
                break;
        }

        front.Push();
        front.Run();
        Assert.All(front.Answers(), answer => Assert.Equal(NetStatus.Error, answer.Status));
        Assert.Equal(0, front.Other.Count);
        Assert.Equal(2, front.Guest.Grants.PinCount);
        Put(front, 5, 60, 0);
        front.PutTransmit(5, 0, 60, id: 9); // and it goes on
        front.Push();
        front.Run();
        Assert.Equal(60, front.Other.Take().Length);
        Assert.Null(front.Death);
    }

    [Theory]
    [InlineData("producer")]
    [InlineData("receive producer")]
    [InlineData("id twice")]
    [InlineData("endless packet")]
    [InlineData("endless extras")]
    [InlineData("cut short")]
    public void LiarsDie(string kind)
    {
        using var front = new NetFront();
        front.Connect();
        Put(front, 0, 60, 0);
        switch (kind)
        {
            case "producer":
                front.Transmit.LieAboutProducer(257);
                break;
            case "receive producer":
                front.Receive.LieAboutProducer(257);
                front.Other.Send(TestStation.Frame(NetFront.Mac, NetFront.OtherMac).ToArray());
                break;
            case "id twice":
                front.PutTransmit(0, 0, 60, id: 1);
                front.PutTransmit(0, 0, 60, id: 1);
                break;
            case "endless packet":
                for (ushort i = 0; i < 40; i++)
                {
                    front.PutTransmit(i, 0, i == 0 ? 4096 : 60, i, NetFlags.TransmitMoreData);
                }

                break;
            case "endless extras":
                front.PutTransmit(0, 0, 60, id: 1, NetFlags.TransmitExtraInfo);
                for (int i = 0; i < 40; i++)
                {
                    front.PutExtra(1400, NetExtraInfo.FlagMore);
                }

                break;
            default:
                front.PutTransmit(0, 0, 60, id: 1, NetFlags.TransmitMoreData);
                break;
        }

        if (!kind.Contains("producer", StringComparison.Ordinal))
        {
            front.Push();
        }

        front.Notify();
        front.NotifyReceive();
        front.Run();
        Assert.StartsWith("its network ring: ", front.Death, StringComparison.Ordinal);
    }

    /// <summary>A page that a front end takes back while its frame is on the way is given back; the receiver still has what was sent.</summary>
    [Fact]
    public void ClosingTakesPagesBackFromFramesOnTheirWay()
    {
        using var front = new NetFront();
        front.Connect();
        byte[] frame = Put(front, 0, 600, 0);
        front.PutTransmit(0, 0, 600, id: 1);
        front.Push();
        front.Run();
        front.SetState(XenbusState.Closed);
        Assert.Equal(0, front.Guest.Grants.PinCount);
        front.Page(0).Clear();
        Assert.Equal(frame, front.Other.Take());
        Assert.Equal(0, front.Guest.Grants.PinCount);
        Assert.Null(front.Death);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void NoFrontEndEndsTheMonitor(int seed)
    {
        var random = new Random(seed);
        for (int life = 0; life < 60; life++)
        {
            using var front = new NetFront();
            front.Connect(isLarge: random.Next(2) == 0, copies: random.Next(2) == 0);
            for (int step = 0; step < 200 && front.Death is null; step++)
            {
                byte[] slot = new byte[12];
                random.NextBytes(slot);
                if (random.Next(4) != 0)
                {
                    // Near to the truth: a granted page, few flags, sizes that may fit.
                    BitConverter.TryWriteBytes(slot, NetFront.FirstReference + (uint)random.Next(100));
                    BitConverter.TryWriteBytes(slot.AsSpan(4), (ushort)random.Next(200));
                    BitConverter.TryWriteBytes(slot.AsSpan(6), (ushort)random.Next(16));
                    BitConverter.TryWriteBytes(slot.AsSpan(10), (ushort)random.Next(9000));
                }

                if (random.Next(3) == 0)
                {
                    front.Receive.Put(slot.AsSpan(0, NetReceiveRequest.Length));
                }
                else
                {
                    front.Transmit.Put(slot);
                }

                front.Push();
                front.Post(random.Next(3));
                front.Other.Port.TryTransmit(TestStation.Frame(NetFront.Mac, NetFront.OtherMac, random.Next(14, 1500)));
                front.Run();
                while (front.Other.TryTake() is not null)
                {
                }

                if (random.Next(50) == 0)
                {
                    front.SetState((XenbusState)random.Next(8));
                }
            }
        }
    }

    private static byte[] Put(NetFront front, int page, int length, int offset, byte fill = 0x5A)
    {
        byte[] frame = TestStation.Frame(NetFront.OtherMac, NetFront.Mac, length, fill: fill).ToArray();
        frame.CopyTo(front.Page(page)[offset..]);
        return frame;
    }
}
