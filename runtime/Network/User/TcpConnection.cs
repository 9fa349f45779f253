// One connection, ended here towards the guest (this part: segments in, acknowledgements and state) and going on as a socket of the host.
// What one side does not take, the other is not asked for: both queues are bounded, and the guest sees it as a closed window.
using System.Net.Sockets;

namespace Runtime.Network.User;

/// <summary>Addresses and ports as the guest sees them.</summary>
internal readonly record struct TcpKey(Ipv4 Guest, ushort GuestPort, Ipv4 Peer, ushort PeerPort);

/// <summary>A TCP endpoint (RFC 9293) for one guest connection. Nothing is lost on the way to a guest but what its card has no room for, so there
/// is no congestion control; what is lost is sent again.</summary>
internal sealed partial class TcpConnection : ISocketUser
{
    /// <summary>Bytes on their way in each direction.</summary>
    public const int Capacity = 256 << 10;

    private const int Scale = 3;
    private const int SegmentSize = EthernetFrame.MaximumTransmissionUnit - 40;

    private readonly TcpForwarder _forwarder;
    private readonly SendQueue _toGuest = new();
    private readonly Queue<ReadOnlyMemory<byte>> _toHost = new();
    private Phase _phase;
    private uint _unacknowledged;
    private uint _next;
    private uint _highest;
    private uint _guestWindow;
    private int _guestScale;
    private int _guestSegment = SegmentSize;
    private uint _expected;
    private uint _announcedEdge;
    private int _toHostLength;
    private int _duplicates;
    private bool _hostHasFinished;
    private bool _finishIsSent;
    private bool _guestHasFinished;
    private bool _hostIsShut;

    private enum Phase
    {
        /// <summary>The guest has asked; the host's socket is being connected.</summary>
        Connecting,

        /// <summary>SYN or SYN with ACK is on its way to the guest.</summary>
        Synchronizing,

        Open,

        Dead,
    }

    /// <summary>A connection that the guest asks for.</summary>
    public TcpConnection(TcpForwarder forwarder, TcpKey key, Socket socket, TcpHeader synchronize)
        : this(forwarder, key, socket)
    {
        _phase = Phase.Connecting;
        TakeOptions(synchronize);
    }

    /// <summary>A connection of a forwarded port, which the guest is asked for.</summary>
    public TcpConnection(TcpForwarder forwarder, TcpKey key, Socket accepted)
    {
        (_forwarder, Key, Socket) = (forwarder, key, accepted);
        accepted.Blocking = false;
        accepted.NoDelay = true;
        _phase = Phase.Synchronizing;
        _unacknowledged = _next = _highest = (uint)Random.Shared.NextInt64();
    }

    public TcpKey Key { get; }

    /// <summary>An acknowledgement is due at <see cref="AcknowledgeAt"/>, unless data carries it before.</summary>
    public bool OwesAcknowledgement { get; private set; }

    /// <summary>0 for at once.</summary>
    public long AcknowledgeAt { get; private set; }

    public bool IsDead => _phase == Phase.Dead;

    private int Room => Capacity - _toHostLength;

    private int InFlight => (int)(_next - _unacknowledged);

    /// <summary>A segment of the guest's for this connection.</summary>
    /// <param name="data">Offset of its data in the frame.</param>
    /// <param name="length">Bytes of data.</param>
    public void Receive(in TcpHeader header, EthernetFrame frame, int data, int length)
    {
        if (header.Has(TcpFlags.Reset))
        {
            if (_phase == Phase.Connecting || header.Sequence - _expected < Capacity || (_phase == Phase.Synchronizing && header.Acknowledged == _next))
            {
                Abort();
            }

            return;
        }

        if (_phase == Phase.Connecting)
        {
            return;
        }

        if (header.Has(TcpFlags.Synchronize))
        {
            Synchronize(header);
            return;
        }

        if (!header.Has(TcpFlags.Acknowledge) || !TryAcknowledge(header, length))
        {
            Owe(_phase == Phase.Open);
            return;
        }

        int accepted = Accept(header.Sequence, frame, data, length);
        if (header.Has(TcpFlags.Finish) && !_guestHasFinished && header.Sequence + (uint)length == _expected && accepted >= 0)
        {
            _guestHasFinished = true;
            _expected++;
            Owe();
            ShutHostWhenDrained();
        }

        Output();
        EndWhenFinished();
    }

    /// <summary>SYN with ACK to a SYN of ours; anything else is answered with where we are (RFC 9293, 3.10.7.4).</summary>
    private void Synchronize(in TcpHeader header)
    {
        bool answersOurs = _phase == Phase.Synchronizing && header.Has(TcpFlags.Acknowledge) && header.Acknowledged == _next && !_isPassive;
        if (!answersOurs)
        {
            if (_phase == Phase.Synchronizing && _isPassive)
            {
                SendControl(TcpFlags.Synchronize | TcpFlags.Acknowledge, _unacknowledged);
            }

            Owe(_phase == Phase.Open);
            return;
        }

        TakeOptions(header);
        _unacknowledged = header.Acknowledged;
        _guestWindow = header.Window;
        Establish();
        Owe();
    }

    private void TakeOptions(in TcpHeader synchronize)
    {
        _isPassive = !synchronize.Has(TcpFlags.Acknowledge);
        _guestSegment = Math.Clamp(synchronize.SegmentSize, 64, SegmentSize);
        _guestScale = synchronize.Scale;
        _expected = synchronize.Sequence + 1;
        _announcedEdge = _expected;
        _guestWindow = synchronize.Window;
    }

    private void Establish()
    {
        _phase = Phase.Open;
        StopTimer();
    }

    /// <summary>False for an acknowledgement of what was never sent.</summary>
    private bool TryAcknowledge(in TcpHeader header, int length)
    {
        uint acknowledged = header.Acknowledged;
        if (_phase == Phase.Synchronizing)
        {
            if (acknowledged != _next || !_isPassive)
            {
                SendReset(acknowledged);
                return false;
            }

            _unacknowledged = acknowledged;
            Establish();
        }

        int progress = (int)(acknowledged - _unacknowledged);
        if (progress < 0 || progress > (int)(_highest - _unacknowledged))
        {
            return progress < 0; // old ones are harmless
        }

        uint window = (uint)header.Window << Math.Max(0, _guestScale);
        if (progress > 0)
        {
            // The last number is that of the FIN, which is not in the queue.
            _toGuest.Drop(Math.Min(progress, _toGuest.Length));
            _unacknowledged = acknowledged;
            _next = (int)(_next - _unacknowledged) < 0 ? _unacknowledged : _next;
            _duplicates = 0;
            StopTimer();
        }
        else if (length == 0 && window == _guestWindow && InFlight > 0 && !header.Has(TcpFlags.Finish) && ++_duplicates == 3)
        {
            Rewind();
        }

        _guestWindow = window;
        return true;
    }

    /// <summary>Takes data in its order; the number of bytes, or -1 for data that comes too early.</summary>
    private int Accept(uint sequence, EthernetFrame frame, int data, int length)
    {
        int late = (int)(_expected - sequence);
        if (late < 0 || late > length || _guestHasFinished)
        {
            Owe(length > 0 || late != 0);
            return late < 0 ? -1 : 0;
        }

        // What is beyond the window that was announced is not taken, and comes again.
        int taken = Math.Min(length - late, Room);
        if (taken > 0)
        {
            TakeForHost(frame, data + late, taken);
            _expected += (uint)taken;
            OweForData();
        }
        else
        {
            Owe(length > 0);
        }

        return taken;
    }

    private void EndWhenFinished()
    {
        if (_phase == Phase.Open && _hostIsShut && _finishIsSent && _unacknowledged == _next && _toGuest.Length == 0)
        {
            if (OwesAcknowledgement)
            {
                SendControl(TcpFlags.Acknowledge, _next);
            }

            Close();
        }
    }
}
