// Datagrams in both directions: each port of a guest that sends gets a socket of the host, and each peer of a forwarded port one at the gateway.
using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Runtime.Time;

namespace Runtime.Network.User;

/// <summary>UDP between guests and the outside.</summary>
internal sealed class UdpForwarder(NetworkThread thread, UserNetwork network) : IDisposable
{
    private const int MaximumFlows = 256;
    private const long IdleNanoseconds = 60_000_000_000;
    private const int HeaderLength = 8;

    private readonly Dictionary<(Ipv4 Guest, ushort Port), UdpFlow> _flows = [];
    private readonly List<UdpListener> _listeners = [];

    public long NextDeadline { get; private set; } = DeadlineQueue.Never;

    /// <exception cref="SocketException">The port cannot be had.</exception>
    public void Listen(PortForward forward) => _listeners.Add(new UdpListener(thread, network, forward));

    /// <summary>Ends flows that nobody has used for a minute.</summary>
    public void Advance(long now)
    {
        foreach (((Ipv4, ushort) key, UdpFlow flow) in _flows.Where(entry => entry.Value.LastUsed + IdleNanoseconds <= now).ToArray())
        {
            End(key, flow);
        }

        NextDeadline = _flows.Count == 0 ? DeadlineQueue.Never : _flows.Values.Min(flow => flow.LastUsed) + IdleNanoseconds;
    }

    public void Send(EthernetFrame frame, Ipv4Layout layout, ReadOnlySpan<byte> headers, Ipv4 guest, Ipv4 destination)
    {
        int length = layout.End - layout.Transport;
        ReadOnlySpan<byte> udp = headers[layout.Transport..];
        if (udp.Length < HeaderLength || length < HeaderLength || BinaryPrimitives.ReadUInt16BigEndian(udp[4..]) is var said && (said < HeaderLength || said > length))
        {
            return;
        }

        ushort port = BinaryPrimitives.ReadUInt16BigEndian(udp), destinationPort = BinaryPrimitives.ReadUInt16BigEndian(udp[2..]);
        byte[] data = new byte[said - HeaderLength];
        frame.CopyTo(layout.Transport + HeaderLength, data);
        if (destination == Subnet.Gateway && _listeners.Exists(listener => listener.TryAnswer(guest, port, destinationPort, data)))
        {
            return;
        }

        if (FlowOf(guest, port)?.Send(destination, destinationPort, data) is SocketError error && Unreachable.CodeOf(error) is byte code)
        {
            network.TellUnreachable(headers[layout.Start..], code, guest);
        }
    }

    public void Dispose()
    {
        foreach (((Ipv4, ushort) key, UdpFlow flow) in _flows.ToArray())
        {
            End(key, flow);
        }

        _listeners.ForEach(listener => listener.Dispose());
    }

    private UdpFlow? FlowOf(Ipv4 guest, ushort port)
    {
        if (_flows.TryGetValue((guest, port), out UdpFlow? flow))
        {
            return flow;
        }

        if (_flows.Count >= MaximumFlows)
        {
            ((Ipv4, ushort) oldest, UdpFlow idle) = _flows.MinBy(entry => entry.Value.LastUsed);
            End(oldest, idle);
        }

        try
        {
            flow = new UdpFlow(thread, network, guest, port);
        }
        catch (SocketException)
        {
            return null; // the host has no more sockets: the datagram is lost
        }

        _flows.Add((guest, port), flow);
        thread.Watch(flow);
        NextDeadline = Math.Min(NextDeadline, flow.LastUsed + IdleNanoseconds);
        return flow;
    }

    private void End((Ipv4, ushort) key, UdpFlow flow)
    {
        _flows.Remove(key);
        thread.Forget(flow);
        thread.Close(flow.Socket);
    }
}
