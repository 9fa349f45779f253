using Runtime.Accounts;
using Runtime.Network;
using Runtime.Time;
using Xunit;

namespace Tests.Network;

/// <summary>A guest's end of the cable while the guest does not take what comes.</summary>
public sealed class GuestPortTests
{
    private static readonly MacAddress s_sender = MacAddress.ForGuest(1), s_receiver = MacAddress.ForGuest(2);

    private readonly NetworkAccount _account = new();
    private readonly GuestPort _port;

    public GuestPortTests() => _port = new GuestPort(s_receiver, new CompletionQueue(() => { })) { Account = _account };

    [Theory]
    [InlineData(60)]
    [InlineData(1514)]
    [InlineData(60_000)]
    public void AFloodIsBoundedAndCounted(int length)
    {
        const int flood = 20_000;
        int released = 0;
        byte[] bytes = TestStation.Frame(s_receiver, s_sender, length).ToArray();
        for (int i = 0; i < flood; i++)
        {
            ((ISwitchClient)_port).Deliver(new EthernetFrame([bytes], () => released++, isBorrowed: true));
        }

        int kept = flood - released;
        Assert.InRange(kept, 1, 4096);
        Assert.InRange((long)kept * length, 1, 4 << 20);
        Assert.Equal((released, _account.Use.FramesDropped), (_port.DroppedFrames, (long)released));
        _port.Clear();
        Assert.Equal(flood, released);
        Assert.Equal(kept, _account.Use.FramesReceived);
    }

    [Fact]
    public void PagesGoBackToTheirSenderWhenTheReceiverTakesNothing()
    {
        int released = 0;
        byte[] page = TestStation.Frame(s_receiver, s_sender, 200, fill: 7).ToArray(), sent = [.. page];
        void Send() => ((ISwitchClient)_port).Deliver(new EthernetFrame([page], () => released++, isBorrowed: true));
        Send();
        Send();
        Assert.True(_port.TryPeek(out EthernetFrame frame));
        _port.Take();
        frame.Release();
        Assert.Equal(1, released);
        _port.GiveBackIfStalled(); // it has taken one
        Assert.Equal(1, released);
        _port.GiveBackIfStalled();
        Assert.Equal(2, released);
        page.AsSpan().Clear(); // which the sender uses for something else
        Assert.True(_port.TryPeek(out frame));
        Assert.Equal(sent, frame.ToArray());
        _port.Take();
        frame.Release();
        Assert.Equal(2, released);
    }

    /// <summary>The same by the network's own clock, and a neighbour that gets its frames all the while.</summary>
    [Fact]
    public void AStalledGuestHoldsUpNobody()
    {
        using var network = new HostNetwork(new HostClock());
        GuestPort stalled = network.AddGuest(new CompletionQueue(() => { }), 0, null), sender = network.AddGuest(new CompletionQueue(() => { }), 1, _account);
        network.Start();
        int released = 0;
        byte[] bytes = TestStation.Frame(stalled.Address, sender.Address).ToArray();
        for (int i = 0; i < 100; i++)
        {
            Assert.True(sender.TryTransmit(new EthernetFrame([bytes], () => Interlocked.Increment(ref released), isBorrowed: true)));
        }

        Assert.True(SpinWait.SpinUntil(() => Volatile.Read(ref released) == 100, 20_000), $"{released} of 100 came back");
        Assert.Equal(100, _account.Use.FramesSent);
        network.RemoveGuest(stalled);
        Assert.Equal(100, released);
    }
}
