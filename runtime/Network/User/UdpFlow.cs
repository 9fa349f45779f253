using System.Net;
using System.Net.Sockets;

namespace Runtime.Network.User;

/// <summary>One port of a guest and the socket that stands for it. Only whom the guest has written to can answer.</summary>
internal sealed class UdpFlow : ISocketUser
{
    private const int MaximumPeers = 256, DatagramsAtOnce = 32;

    private readonly NetworkThread _thread;
    private readonly UserNetwork _network;
    private readonly Ipv4 _guest;
    private readonly ushort _port;
    private readonly Dictionary<IPEndPoint, (Ipv4 Address, ushort Port)> _peers = [];
    private readonly byte[] _buffer = new byte[65_536];

    /// <exception cref="SocketException">The host has none left.</exception>
    public UdpFlow(NetworkThread thread, UserNetwork network, Ipv4 guest, ushort port)
    {
        (_thread, _network, _guest, _port) = (thread, network, guest, port);
        LastUsed = thread.Clock.Now;
        Socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { Blocking = false };
        Socket.Bind(new IPEndPoint(IPAddress.Any, 0));
    }

    public Socket Socket { get; }

    public long LastUsed { get; private set; }

    public bool WantsToRead => true;

    public bool WantsToWrite => false;

    /// <returns>What is in the way, as far as the host knows at once. A datagram that meets no room is lost.</returns>
    public SocketError Send(Ipv4 destination, ushort port, ReadOnlySpan<byte> data)
    {
        IPEndPoint peer = HostAddresses.For(destination, port);
        if (_peers.Count >= MaximumPeers)
        {
            _peers.Clear();
        }

        _peers[peer] = (destination, port);
        LastUsed = _thread.Clock.Now;
        try
        {
            Socket.SendTo(data, SocketFlags.None, peer);
            return SocketError.Success;
        }
        catch (SocketException lost)
        {
            return lost.SocketErrorCode;
        }
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

                continue; // a port that nobody listens at
            }

            // What does not fit in a frame would have to be fragmented: it is lost.
            if (_peers.TryGetValue((IPEndPoint)from, out (Ipv4 Address, ushort Port) peer) && length <= EthernetFrame.MaximumTransmissionUnit - 28
                && _network.Find(_guest) is MacAddress guest)
            {
                LastUsed = _thread.Clock.Now;
                _network.TrySend(PacketBuilder.BuildUdp(guest, peer.Address, peer.Port, _guest, _port, _buffer.AsSpan(0, length)));
            }
        }
    }

    public void Writable()
    {
    }
}
