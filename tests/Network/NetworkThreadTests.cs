using Runtime.Network;
using Runtime.Time;
using Xunit;

namespace Tests.Network;

/// <summary>Who forwards: the sender where nobody else does, and somebody in any case.</summary>
public sealed class NetworkThreadTests
{
    private static readonly MacAddress s_first = MacAddress.ForGuest(1), s_second = MacAddress.ForGuest(2);

    [Fact]
    public void ASenderForwardsItselfWhatNobodyElseDoes()
    {
        using var network = new NetworkThread(new HostClock());
        var sender = new TestStation();
        var receiver = new ThreadNoting();
        sender.Port = network.Switch.Connect(sender, s_first);
        network.Switch.Connect(receiver, s_second);
        network.Start();
        int own = 0;
        for (int i = 0; i < 100; i++)
        {
            sender.Send(TestStation.Frame(s_second, s_first).ToArray());
            Assert.True(SpinWait.SpinUntil(() => receiver.Count > i, 20_000));
            own += receiver.LastThread == Environment.CurrentManagedThreadId ? 1 : 0;
            Thread.Sleep(1); // the network's thread is asleep again
        }

        Assert.InRange(own, 50, 100);
    }

    /// <summary>Two guests that answer each other's frames on threads of their own, beside a third that floods: nothing is left lying.</summary>
    [Fact]
    public void NoFrameIsLeftLying()
    {
        const int rallies = 20_000;
        using var network = new NetworkThread(new HostClock());
        TestStation[] players = [new(), new()];
        var flood = new TestStation();
        players[0].Port = network.Switch.Connect(players[0], s_first);
        players[1].Port = network.Switch.Connect(players[1], s_second);
        flood.Port = network.Switch.Connect(flood, null);
        network.Start();
        using var over = new CancellationTokenSource();
        var flooder = new Thread(() =>
        {
            EthernetFrame frame = TestStation.Frame(new MacAddress(0x0200_0000_0077), new MacAddress(0x0200_0000_0078));
            while (!over.IsCancellationRequested)
            {
                flood.Port.TryTransmit(frame);
                Thread.Yield();
            }
        });
        flooder.Start();
        var other = new Thread(() => Play(players[1], s_second, s_first, rallies));
        other.Start();
        byte[] service = TestStation.Frame(s_second, s_first).ToArray();
        players[0].Send(service);
        Play(players[0], s_first, s_second, rallies - 1);
        TakeOf(players[0], s_first);
        other.Join();
        over.Cancel();
        flooder.Join();
    }

    private static void Play(TestStation station, MacAddress own, MacAddress peer, int rallies)
    {
        byte[] answer = TestStation.Frame(peer, own).ToArray();
        for (int i = 0; i < rallies; i++)
        {
            TakeOf(station, own);
            station.Send(answer);
        }
    }

    private static void TakeOf(TestStation station, MacAddress own)
    {
        while (MacAddress.Read(station.Take()) != own)
        {
        }
    }

    private sealed class ThreadNoting : ISwitchClient
    {
        private int _count;

        public int Count => Volatile.Read(ref _count);

        public int LastThread { get; private set; }

        void ISwitchClient.Deliver(EthernetFrame frame)
        {
            LastThread = Environment.CurrentManagedThreadId;
            frame.Release();
            Interlocked.Increment(ref _count);
        }

        void ISwitchClient.Drained()
        {
        }
    }
}
