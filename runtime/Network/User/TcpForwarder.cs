// All TCP connections of a user network: finds the one that a segment belongs to, begins new ones, keeps their time.
using System.Buffers.Binary;
using System.Net.Sockets;
using Runtime.Time;

namespace Runtime.Network.User;

/// <summary>TCP between guests and the outside.</summary>
internal sealed class TcpForwarder(NetworkThread thread, UserNetwork network) : IDisposable
{
    /// <summary>More are refused: memory is bounded by this and by <see cref="TcpConnection.Capacity"/>.</summary>
    private const int MaximumConnections = 512;

    private const ushort FirstPort = 32_768;

    private readonly Dictionary<TcpKey, TcpConnection> _connections = [];
    private readonly List<TcpListener> _listeners = [];
    private readonly HashSet<TcpConnection> _owing = [];
    private ushort _nextPort = FirstPort;

    public long NextDeadline { get; private set; } = DeadlineQueue.Never;

    public long Now => thread.Clock.Now;

    /// <summary>Where sockets are read to, before the data gets a place of its own.</summary>
    public byte[] Buffer { get; } = new byte[64 << 10];

    public int Count => _connections.Count;

    /// <exception cref="SocketException">The port cannot be had.</exception>
    public void Listen(PortForward forward) => _listeners.Add(new TcpListener(thread, this, forward));

    public void Receive(EthernetFrame frame, Ipv4Layout layout, ReadOnlySpan<byte> headers, Ipv4 guest, Ipv4 peer)
    {
        var header = TcpHeader.Read(headers[layout.Transport..]);
        int data = layout.Transport + header.Length;
        int length = layout.End - data;
        if (length < 0)
        {
            return;
        }

        var key = new TcpKey(guest, header.SourcePort, peer, header.DestinationPort);
        if (_connections.TryGetValue(key, out TcpConnection? connection))
        {
            connection.Receive(header, frame, data, length);
            if (connection is { OwesAcknowledgement: true, IsDead: false })
            {
                _owing.Add(connection);
            }
        }
        else if (header.Flags == TcpFlags.Synchronize && _connections.Count < MaximumConnections)
        {
            Begin(key, header);
        }
        else if (!header.Has(TcpFlags.Reset))
        {
            Reset(key, header, length);
        }
    }

    /// <summary>A connection to a forwarded port.</summary>
    public void Begin(Socket accepted, Ipv4 guest, ushort guestPort)
    {
        TcpKey key;
        do
        {
            _nextPort = _nextPort == ushort.MaxValue ? FirstPort : (ushort)(_nextPort + 1);
            key = new TcpKey(guest, guestPort, Subnet.Gateway, _nextPort);
        }
        while (_connections.ContainsKey(key));

        if (_connections.Count >= MaximumConnections)
        {
            accepted.Dispose();
            return;
        }

        var connection = new TcpConnection(this, key, accepted);
        Add(connection);
        connection.Offer();
    }

    public MacAddress? Find(Ipv4 guest) => network.Find(guest);

    public bool TrySend(EthernetFrame frame) => network.TrySend(frame);

    public void Expect(long deadline) => NextDeadline = Math.Min(NextDeadline, deadline);

    public void Advance(long now)
    {
        if (now < NextDeadline)
        {
            return;
        }

        foreach (TcpConnection connection in _connections.Values.Where(connection => connection.Deadline <= now).ToArray())
        {
            connection.OnTimeout();
        }

        NextDeadline = _connections.Values.Select(connection => connection.Deadline).Append(DeadlineQueue.Never).Min();
    }

    /// <summary>Sends the acknowledgements that are due: one for all segments of a round at least.</summary>
    public void FlushAcknowledgements()
    {
        if (_owing.Count == 0)
        {
            return;
        }

        long now = Now;
        _owing.RemoveWhere(connection =>
        {
            if (connection is { OwesAcknowledgement: true, IsDead: false } && connection.AcknowledgeAt > now)
            {
                Expect(connection.AcknowledgeAt);
                return false;
            }

            connection.SendAcknowledgement();
            return true;
        });
    }

    /// <summary>There is room on the way to the guests again.</summary>
    public void Resume()
    {
        foreach (TcpConnection connection in _connections.Values.ToArray())
        {
            connection.Output();
            connection.SendAcknowledgement();
        }
    }

    public void Remove(TcpConnection connection)
    {
        _connections.Remove(connection.Key);
        thread.Forget(connection);
        if (connection.Socket is not null)
        {
            thread.Close(connection.Socket);
        }
    }

    public void Dispose()
    {
        foreach (TcpConnection connection in _connections.Values.ToArray())
        {
            connection.Abort();
        }

        _listeners.ForEach(listener => listener.Dispose());
    }

    private void Begin(TcpKey key, in TcpHeader synchronize)
    {
        Socket socket;
        try
        {
            socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { Blocking = false };
        }
        catch (SocketException)
        {
            Reset(key, synchronize, 0); // the host has no more sockets
            return;
        }

        var connection = new TcpConnection(this, key, socket, synchronize);
        Add(connection);
        connection.Connect(HostAddresses.For(key.Peer, key.PeerPort));
    }

    private void Add(TcpConnection connection)
    {
        _connections.Add(connection.Key, connection);
        thread.Watch(connection);
    }

    /// <summary>The answer to a segment of no connection (RFC 9293, 3.10.7.1).</summary>
    private void Reset(TcpKey key, in TcpHeader header, int length)
    {
        if (Find(key.Guest) is not MacAddress guest)
        {
            return;
        }

        bool acknowledges = header.Has(TcpFlags.Acknowledge);
        uint occupied = (uint)length + (header.Has(TcpFlags.Synchronize) ? 1u : 0) + (header.Has(TcpFlags.Finish) ? 1u : 0);
        var answer = new TcpHeader(
            key.PeerPort, key.GuestPort, acknowledges ? header.Acknowledged : 0, acknowledges ? 0 : header.Sequence + occupied,
            acknowledges ? TcpFlags.Reset : TcpFlags.Reset | TcpFlags.Acknowledge, 0, 0, 0, -1);
        byte[] bytes = new byte[PacketBuilder.Transport + TcpHeader.Minimum];
        PacketBuilder.WriteIp(bytes, guest, key.Peer, key.Guest, PacketBuilder.Tcp, bytes.Length - PacketBuilder.IpHeader);
        answer.Write(bytes.AsSpan(PacketBuilder.Transport));
        TrySend(new EthernetFrame(bytes) { LacksChecksum = true });
    }

    /// <summary>A port of the host that stands for one of a guest.</summary>
    private sealed class TcpListener : ISocketUser, IDisposable
    {
        private readonly TcpForwarder _forwarder;
        private readonly PortForward _forward;

        public TcpListener(NetworkThread thread, TcpForwarder forwarder, PortForward forward)
        {
            (_forwarder, _forward) = (forwarder, forward);
            Socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { Blocking = false };
            try
            {
                Socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
                Socket.Bind(forward.Host);
                Socket.Listen(64);
            }
            catch (SocketException)
            {
                Socket.Dispose();
                throw;
            }

            thread.Watch(this);
        }

        public Socket Socket { get; }

        public bool WantsToRead => true;

        public bool WantsToWrite => false;

        public void Readable()
        {
            try
            {
                _forwarder.Begin(Socket.Accept(), _forward.Guest is null ? Subnet.FirstGuest : Ipv4.From(_forward.Guest), _forward.GuestPort);
            }
            catch (SocketException)
            {
                // It has gone again, or the host has no more sockets.
            }
        }

        public void Writable()
        {
        }

        public void Dispose() => Socket.Dispose();
    }
}
