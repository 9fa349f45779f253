using System.Net;
using System.Net.Sockets;

namespace Runtime.Network.User;

/// <summary>A forwarded port: each peer that sends to it appears to the guest as a port of the gateway.</summary>
internal sealed class UdpListener : ISocketUser, IDisposable
{
    private const int MaximumPeers = 256, DatagramsAtOnce = 32;
    private const ushort FirstPort = 40_000;

    private readonly UserNetwork _network;
    private readonly Ipv4 _guest;
    private readonly ushort _guestPort;
    private readonly List<IPEndPoint> _peers = [];
    private readonly byte[] _buffer = new byte[65_536];
    private int _next;

    /// <exception cref="SocketException">The port cannot be had.</exception>
    public UdpListener(NetworkThread thread, UserNetwork network, PortForward forward)
    {
        _network = network;
        _guest = forward.Guest is null ? Subnet.FirstGuest : Ipv4.From(forward.Guest);
        _guestPort = forward.GuestPort;
        Socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { Blocking = false };
        try
        {
            Socket.Bind(forward.Host);
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

    /// <summary>Sends what the guest has sent to a port of the gateway, if that stands for a peer of this one.</summary>
    public bool TryAnswer(Ipv4 guest, ushort guestPort, ushort gatewayPort, ReadOnlySpan<byte> data)
    {
        int index = gatewayPort - FirstPort;
        if (guest != _guest || guestPort != _guestPort || index < 0 || index >= _peers.Count)
        {
            return false;
        }

        try
        {
            Socket.SendTo(data, SocketFlags.None, _peers[index]);
        }
        catch (SocketException)
        {
            // Gone, or no room: a datagram may be lost.
        }

        return true;
    }

    public void Readable()
    {
        for (int i = 0; i < DatagramsAtOnce; i++)
        {
            EndPoint from = new IPEndPoint(IPAddress.Any, 0);
            int length;
            try
            {
                length = Socket.ReceiveFrom(_buffer, ref from);
            }
            catch (SocketException refused)
            {
                if (refused.SocketErrorCode is SocketError.WouldBlock)
                {
                    return;
                }

                continue;
            }

            ushort port = (ushort)(FirstPort + IndexOf((IPEndPoint)from));
            if (length <= EthernetFrame.MaximumTransmissionUnit - 28 && _network.Find(_guest) is MacAddress guest)
            {
                _network.TrySend(PacketBuilder.BuildUdp(guest, Subnet.Gateway, port, _guest, _guestPort, _buffer.AsSpan(0, length)));
            }
        }
    }

    public void Writable()
    {
    }

    public void Dispose() => Socket.Dispose();

    /// <summary>Peers beyond the most there can be take the places of those that came first.</summary>
    private int IndexOf(IPEndPoint peer)
    {
        int index = _peers.IndexOf(peer);
        if (index >= 0)
        {
            return index;
        }

        if (_peers.Count < MaximumPeers)
        {
            _peers.Add(peer);
            return _peers.Count - 1;
        }

        index = _next++ % MaximumPeers;
        _peers[index] = peer;
        return index;
    }
}
