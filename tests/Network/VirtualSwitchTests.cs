using Runtime.Network;
using Xunit;

namespace Tests.Network;

public sealed class VirtualSwitchTests
{
    private static readonly MacAddress s_stranger = new(0x0200_0000_0099);

    private readonly VirtualSwitch _switch = new(() => { });
    private readonly TestStation[] _stations = [.. Enumerable.Range(0, 4).Select(_ => new TestStation())];

    public VirtualSwitchTests()
    {
        for (int i = 0; i < _stations.Length; i++)
        {
            _stations[i].Port = _switch.Connect(_stations[i], i < 3 ? MacAddress.ForGuest((uint)i) : null);
        }
    }

    [Fact]
    public void KnownStationsGetTheirFramesAlone()
    {
        Send(0, MacAddress.ForGuest(1), MacAddress.ForGuest(0));
        Assert.Equal([0, 1, 0, 0], Counts());
    }

    [Fact]
    public void GroupsAndUnknownStationsAreFlooded()
    {
        Send(0, MacAddress.Broadcast, MacAddress.ForGuest(0));
        Send(0, s_stranger, MacAddress.ForGuest(0));
        Assert.Equal([0, 2, 2, 2], Counts());
    }

    [Fact]
    public void AddressesAreLearned()
    {
        Send(3, MacAddress.ForGuest(0), s_stranger);
        Send(1, s_stranger, MacAddress.ForGuest(1));
        Assert.Equal([1, 0, 0, 1], Counts());
    }

    [Fact]
    public void StationsMove()
    {
        Send(3, MacAddress.ForGuest(0), s_stranger);
        Send(2, MacAddress.ForGuest(0), s_stranger);
        Send(1, s_stranger, MacAddress.ForGuest(1));
        Assert.Equal([2, 0, 1, 0], Counts());
    }

    /// <summary>Nobody gets another guest's frames by claiming its address.</summary>
    [Fact]
    public void AddressesOfGuestsCannotBeTaken()
    {
        Send(2, MacAddress.ForGuest(0), MacAddress.ForGuest(1));
        Assert.Equal([0, 0, 0, 0], Counts());
        Send(0, MacAddress.ForGuest(1), MacAddress.ForGuest(0));
        Assert.Equal([0, 1, 0, 0], Counts());
    }

    [Fact]
    public void FramesThatAreNoneAreDropped()
    {
        _stations[0].Port.TryTransmit(new EthernetFrame(new byte[13]));
        _stations[0].Port.TryTransmit(new EthernetFrame(new byte[EthernetFrame.Longest + 1]));
        Send(0, MacAddress.ForGuest(1), MacAddress.Broadcast);
        Send(0, MacAddress.ForGuest(0), MacAddress.ForGuest(0));
        Assert.Equal([0, 0, 0, 0], Counts());
    }

    [Fact]
    public void QueuesAreBoundedAndClientsHearOfRoom()
    {
        int sent = 0;
        while (sent < 10_000 && _stations[0].Port.TryTransmit(TestStation.Frame(MacAddress.ForGuest(1), MacAddress.ForGuest(0))))
        {
            sent++;
        }

        Assert.Equal(SwitchPort.QueueLength, sent);
        Assert.Equal(0, _stations[0].Drains);
        Drain();
        Assert.Equal(1, _stations[0].Drains);
        Assert.Equal(SwitchPort.QueueLength, _stations[1].Count);
    }

    [Fact]
    public void ManyClaimedAddressesFillOnlyTheirPortsShare()
    {
        for (uint i = 0; i < 1000; i++)
        {
            Send(3, MacAddress.ForGuest(0), new MacAddress(0x0200_1000_0000ul + i));
        }

        Send(2, MacAddress.ForGuest(0), s_stranger);
        Send(1, s_stranger, MacAddress.ForGuest(1));
        Assert.Equal(1, _stations[2].Count);
        Assert.Equal(0, _stations[3].Count);
    }

    [Fact]
    public void FramesAreReleasedOnceWhoeverGetsThem()
    {
        int released = 0;
        foreach (MacAddress to in new[] { MacAddress.ForGuest(1), MacAddress.Broadcast, MacAddress.ForGuest(0) })
        {
            ReadOnlyMemory<byte>[] pieces = [TestStation.Frame(to, MacAddress.ForGuest(0)).ToArray()];
            _stations[0].Port.TryTransmit(new EthernetFrame(pieces, () => released++));
        }

        Drain();
        Assert.Equal(1, released); // the one to itself; the others are held
        for (int i = 1; i < 4; i++)
        {
            for (int left = _stations[i].Count; left > 0; left--)
            {
                _stations[i].Take();
            }
        }

        Assert.Equal(3, released);
    }

    [Fact]
    public void DisconnectedPortsAreForgotten()
    {
        _stations[1].Port.TryTransmit(TestStation.Frame(MacAddress.ForGuest(0), MacAddress.ForGuest(1)));
        _switch.Disconnect(_stations[1].Port);
        Send(0, MacAddress.ForGuest(1), MacAddress.ForGuest(0));
        Assert.Equal([0, 0, 1, 1], Counts());
    }

    /// <summary>While all ports have frames waiting, none gets ahead by more than a turn and a frame, whatever the lengths.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void PortsShareTheSwitchEqually(int seed)
    {
        var random = new Random(seed);
        var queued = new long[3];
        int longest = 0;
        for (int i = 0; i < 3; i++)
        {
            int typical = random.Next(60, i == 2 ? 20_000 : 1514);
            int length;
            do
            {
                length = Math.Max(60, random.Next(typical / 2, typical));
                longest = Math.Max(longest, length);
            }
            while (_stations[i].Port.TryTransmit(TestStation.Frame(new MacAddress(0x0200_0000_0001), MacAddress.ForGuest((uint)i), length)));
        }

        var served = new long[3];
        for (int step = 0; step < SwitchPort.QueueLength; step++)
        {
            _switch.Forward(1);
            while (_stations[3].TryTake() is byte[] frame)
            {
                served[frame[11]] += frame.Length;
            }

            Assert.True(served.Max() - served.Min() <= longest + 2 * VirtualSwitch.Quantum, string.Join(' ', served));
        }

        Assert.All(served, bytes => Assert.True(bytes > 0));
    }

    private void Send(int station, MacAddress to, MacAddress from)
    {
        _stations[station].Port.TryTransmit(TestStation.Frame(to, from));
        Drain();
    }

    private void Drain()
    {
        while (_switch.Forward(100))
        {
        }
    }

    private int[] Counts() => [.. _stations.Select(station => station.Count)];
}
