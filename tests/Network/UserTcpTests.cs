using System.Net.Sockets;
using Runtime.Network.User;
using Xunit;

namespace Tests.Network;

/// <summary>TCP through the user network, a real socket on loopback at the other end.</summary>
public sealed class UserTcpTests : IDisposable
{
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly ushort _port;

    public UserTcpTests()
    {
        _listener.Bind(UserGuest.Loopback(0));
        _listener.Listen();
        _port = (ushort)((System.Net.IPEndPoint)_listener.LocalEndPoint!).Port;
    }

    public void Dispose() => _listener.Dispose();

    [Fact]
    public void DataGoesBothWaysAndBothSidesClose()
    {
        using var guest = new UserGuest();
        GuestTcp tcp = Connect(guest, out Socket host);
        byte[] up = Noise(5000), down = Noise(40_000);
        tcp.Write(up);
        Assert.Equal(up, Read(host, up.Length));
        host.Send(down);
        tcp.Pump(() => tcp.Received.Count == down.Length);
        Assert.Equal(down, tcp.Received);
        host.Shutdown(SocketShutdown.Send);
        tcp.Pump(() => tcp.HasFinished);
        tcp.Write([1, 2, 3]); // half closed: this way is still open
        Assert.Equal([1, 2, 3], Read(host, 3));
        tcp.Finish();
        Assert.Equal(0, host.Receive(new byte[1]));
        tcp.MustBeAcknowledged();
        Assert.False(tcp.WasReset);
    }

    [Fact]
    public void TheGuestMayFinishFirst()
    {
        using var guest = new UserGuest();
        GuestTcp tcp = Connect(guest, out Socket host);
        tcp.Write(Noise(10));
        tcp.Finish();
        tcp.MustBeAcknowledged();
        Assert.Equal(10, Read(host, 10).Length);
        Assert.Equal(0, host.Receive(new byte[1]));
        host.Send(Noise(100_000));
        host.Shutdown(SocketShutdown.Both);
        tcp.Pump(() => tcp.HasFinished);
        Assert.Equal(Noise(100_000), tcp.Received);
    }

    [Fact]
    public void WhatNobodyListensAtIsReset()
    {
        _listener.Dispose();
        using var guest = new UserGuest();
        var tcp = new GuestTcp(guest, UserGuest.Gateway, 1234, _port);
        tcp.Connect();
        Assert.True(tcp.WasReset);
    }

    [Fact]
    public void ResetsGoThrough()
    {
        using var guest = new UserGuest();
        GuestTcp first = Connect(guest, out Socket host);
        first.Reset();
        Assert.Equal(SocketError.ConnectionReset, Assert.Throws<SocketException>(() => host.Receive(new byte[1])).SocketErrorCode);
        GuestTcp second = Connect(guest, out host, port: 1235);
        host.LingerState = new LingerOption(true, 0);
        host.Dispose();
        second.MustBeReset();
        second.Write([1]);
        second.MustBeReset();
    }

    /// <summary>A host that does not read closes the guest's window; memory is bounded by it; reading opens it again.</summary>
    [Fact]
    public void BackpressureReachesTheGuest()
    {
        using var guest = new UserGuest();
        GuestTcp tcp = Connect(guest, out Socket host);
        byte[] data = Noise(64 << 20);
        int written = 0;
        while (tcp.PeerWindow >= 1400 && written + 1400 <= data.Length)
        {
            tcp.Write(data[written..(written + 1400)]);
            written += 1400;
            tcp.MustBeAcknowledged();
        }

        Assert.InRange(written, TcpConnection.Capacity, data.Length - 1400); // the host's own buffers come on top
        tcp.Send(GuestTcp.Ack, new byte[1400]); // against the window: not taken
        Assert.Equal(data[..written], Read(host, written));
        tcp.Pump(() => tcp.PeerWindow > 100_000);
        Assert.True(tcp.Acknowledged - tcp.Sent < 1400); // at most what there was room for
    }

    /// <summary>A guest that does not read gets no more than its window, and the host's sender is stopped.</summary>
    [Fact]
    public void BackpressureReachesTheHost()
    {
        using var guest = new UserGuest();
        GuestTcp tcp = Connect(guest, out Socket host, window: 0);
        host.Blocking = false;
        byte[] data = Noise(64 << 20);
        int sent = 0;
        for (int idle = 0; idle < 20;)
        {
            int now = host.Send(data.AsSpan(sent, Math.Min(65_536, data.Length - sent)), SocketFlags.None, out SocketError error);
            (sent, idle) = error == SocketError.Success && now > 0 ? (sent + now, 0) : (sent, idle + 1);
            Thread.Sleep(idle > 0 ? 10 : 0);
        }

        Assert.InRange(sent, TcpConnection.Capacity, data.Length - 1);
        tcp.Window = 60_000;
        tcp.Send(GuestTcp.Ack, []);
        tcp.Pump(() => tcp.Received.Count >= sent);
        Assert.Equal(data[..sent], tcp.Received);
    }

    /// <summary>What a guest's card had no room for comes again.</summary>
    [Fact]
    public void LostSegmentsAreSentAgain()
    {
        using var guest = new UserGuest();
        GuestTcp tcp = Connect(guest, out Socket host);
        host.Send(Noise(3000));
        guest.Station.Take(); // lost
        tcp.Pump(() => tcp.Received.Count == 3000);
        Assert.Equal(Noise(3000), tcp.Received);
    }

    [Fact]
    public void SegmentsTwiceTooEarlyOrOverlappingMakeNoDifference()
    {
        using var guest = new UserGuest();
        GuestTcp tcp = Connect(guest, out Socket host);
        byte[] data = Noise(300);
        uint start = tcp.Sent;
        tcp.Send(GuestTcp.Ack, data[100..200], sequence: start + 100);
        tcp.Send(GuestTcp.Ack, data[..150], sequence: start);
        tcp.Send(GuestTcp.Ack, data[..150], sequence: start);
        tcp.Send(GuestTcp.Ack, data[50..300], sequence: start + 50);
        Assert.Equal(data, Read(host, 300));
        tcp.Pump(() => tcp.Acknowledged == start + 300);
    }

    [Fact]
    public void ForwardedPortsLeadToTheGuest()
    {
        ushort free = FreePort();
        using var guest = new UserGuest(new PortForward(true, UserGuest.Loopback(free), null, 22));
        guest.Announce();
        using var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        client.Connect(UserGuest.Loopback(free));
        GuestTcp tcp = GuestTcp.Accept(guest, out byte[] synchronize);
        Assert.Equal(22, synchronize[37]);
        Assert.Equal(2, synchronize[29]); // it seems to come from the gateway
        client.Send(Noise(2000));
        tcp.Pump(() => tcp.Received.Count == 2000);
        tcp.Write([7]);
        Assert.Equal([7], Read(client, 1));
        client.Shutdown(SocketShutdown.Send);
        tcp.Pump(() => tcp.HasFinished);
        tcp.Finish();
        Assert.Equal(0, client.Receive(new byte[1]));
    }

    [Fact]
    public void ManyConnectionsAtOnce()
    {
        using var guest = new UserGuest();
        var connections = new List<(GuestTcp Tcp, Socket Host)>();
        for (int i = 0; i < 100; i++)
        {
            connections.Add((Connect(guest, out Socket host, (ushort)(2000 + i)), host));
        }

        for (int i = 0; i < connections.Count; i++)
        {
            connections[i].Tcp.Write([(byte)i]);
            Assert.Equal([(byte)i], Read(connections[i].Host, 1));
            connections[i].Host.Dispose();
            connections[i].Tcp.Pump(() => connections[i].Tcp.HasFinished);
        }
    }

    /// <summary>There are only so many connections; the guest sees a reset for one more, and room again when others end.</summary>
    [Fact]
    public void ConnectionsBeyondTheMostAreReset()
    {
        using var guest = new UserGuest();
        _listener.Listen(600);
        var held = new List<GuestTcp>();
        GuestTcp next;
        do
        {
            next = new GuestTcp(guest, UserGuest.Gateway, (ushort)(3000 + held.Count), _port);
            next.Connect();
            held.Add(next);
        }
        while (!next.WasReset && held.Count < 2000);
        Assert.Equal(512, held.Count - 1);
        held[0].Reset();
        next = new GuestTcp(guest, UserGuest.Gateway, 9000, _port);
        next.Connect();
        Assert.False(next.WasReset);
    }

    private GuestTcp Connect(UserGuest guest, out Socket host, ushort port = 1234, ushort window = 60_000)
    {
        var tcp = new GuestTcp(guest, UserGuest.Gateway, port, _port) { Window = window };
        tcp.Connect();
        Assert.False(tcp.WasReset);
        host = _listener.Accept();
        host.ReceiveTimeout = 20_000;
        return tcp;
    }

    private static ushort FreePort()
    {
        using var probe = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        probe.Bind(UserGuest.Loopback(0));
        return (ushort)((System.Net.IPEndPoint)probe.LocalEndPoint!).Port;
    }

    private static byte[] Noise(int length)
    {
        byte[] bytes = new byte[length];
        new Random(42).NextBytes(bytes);
        return bytes;
    }

    private static byte[] Read(Socket socket, int length)
    {
        byte[] bytes = new byte[length];
        for (int done = 0; done < length;)
        {
            int read = socket.Receive(bytes.AsSpan(done));
            Assert.True(read > 0, "closed early");
            done += read;
        }

        return bytes;
    }
}
