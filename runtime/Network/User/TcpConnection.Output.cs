// Segments to the guest: data as its window permits, the window for its own, retransmission.
using Runtime.Time;

namespace Runtime.Network.User;

internal sealed partial class TcpConnection
{
    private const long FirstTimeout = 200_000_000, LongestTimeout = 10_000_000_000;
    private const int MaximumRetries = 12;

    /// <summary>Data of one frame, which the receiver's card or the switch's receiver cuts.</summary>
    private const int LongestData = 44 * SegmentSize;

    /// <summary>Data is acknowledged together with what follows it, up to this long or this much (RFC 9293, 3.8.6.3): each acknowledgement takes
    /// the guest's time. Longer, and senders with a small window stand still.</summary>
    private const long AcknowledgementDelay = 1_000_000;

    private const int AcknowledgementShare = 2 * SegmentSize;

    private uint _lastAcknowledged;
    private long _timeout = FirstTimeout;
    private int _retries;
    private bool _isPassive;

    /// <summary>When something is sent again.</summary>
    public long Deadline { get; private set; } = DeadlineQueue.Never;

    /// <summary>Sends what there is, as far as the guest wants it and the way is free.</summary>
    public void Output()
    {
        if (_phase != Phase.Open)
        {
            return;
        }

        while (TrySendData())
        {
        }

        if (_hostHasFinished && !_finishIsSent && InFlight == _toGuest.Length && TrySend(TcpFlags.Finish | TcpFlags.Acknowledge, _next, 0))
        {
            _finishIsSent = true;
            _next++;
        }

        _highest = (int)(_next - _highest) > 0 ? _next : _highest;
        bool waits = InFlight > 0 || _toGuest.Length > 0;
        if (waits && Deadline == DeadlineQueue.Never)
        {
            Deadline = _forwarder.Now + _timeout;
            _forwarder.Expect(Deadline);
        }
    }

    /// <summary>An acknowledgement is due at once.</summary>
    private void Owe(bool condition = true)
    {
        if (condition)
        {
            (OwesAcknowledgement, AcknowledgeAt) = (true, 0);
        }
    }

    /// <summary>One is due soon, or at once when much has come since the last.</summary>
    private void OweForData()
    {
        if (_expected - _lastAcknowledged >= AcknowledgementShare)
        {
            Owe();
        }
        else if (!OwesAcknowledgement)
        {
            (OwesAcknowledgement, AcknowledgeAt) = (true, _forwarder.Now + AcknowledgementDelay);
        }
    }

    /// <summary>The acknowledgement that is due, if data has not carried it.</summary>
    public void SendAcknowledgement()
    {
        if (OwesAcknowledgement && _phase == Phase.Open)
        {
            SendControl(TcpFlags.Acknowledge, _next);
        }
    }

    /// <summary>Sends SYN again, or everything from the first byte that is not acknowledged (RFC 6298, 5.4); a byte at least, so that a window
    /// which opens is heard of.</summary>
    public void OnTimeout()
    {
        Deadline = DeadlineQueue.Never;
        if (++_retries > MaximumRetries)
        {
            SendReset(_next);
            Abort();
            return;
        }

        _timeout = Math.Min(_timeout * 2, LongestTimeout);
        if (_phase == Phase.Synchronizing)
        {
            SendSynchronize();
            return;
        }

        Rewind();
        if (_guestWindow == 0 && _toGuest.Length > 0 && TrySend(TcpFlags.Acknowledge, _next, 1))
        {
            _next++;
        }

        Output();
    }

    /// <summary>Asks the guest for a connection, or agrees to its own.</summary>
    private void SendSynchronize()
    {
        SendControl(_isPassive ? TcpFlags.Synchronize | TcpFlags.Acknowledge : TcpFlags.Synchronize, _unacknowledged);
        _next = _highest = _unacknowledged + 1;
        Deadline = _forwarder.Now + _timeout;
        _forwarder.Expect(Deadline);
    }

    private void SendReset(uint sequence) => SendControl(TcpFlags.Reset | TcpFlags.Acknowledge, sequence);

    private void Rewind()
    {
        _next = _unacknowledged;
        _finishIsSent = false;
    }

    private void StopTimer() => (Deadline, _timeout, _retries) = (DeadlineQueue.Never, FirstTimeout, 0);

    private bool TrySendData()
    {
        int waiting = _toGuest.Length - InFlight;
        int window = (int)Math.Min(_guestWindow, Capacity) - InFlight;
        int length = Math.Min(Math.Min(waiting, window), LongestData);

        // No small segments while larger ones can be sent later (RFC 9293, 3.8.6.2.1).
        if (length <= 0 || _finishIsSent || (length < _guestSegment && length < waiting && InFlight > 0))
        {
            return false;
        }

        TcpFlags flags = length == waiting ? TcpFlags.Acknowledge | TcpFlags.Push : TcpFlags.Acknowledge;
        if (!TrySend(flags, _next, length))
        {
            return false;
        }

        _next += (uint)length;
        return true;
    }

    private void SendControl(TcpFlags flags, uint sequence) => TrySend(flags, sequence, 0);

    /// <summary>False when the way to the guest is full, or nobody knows where it is.</summary>
    private bool TrySend(TcpFlags flags, uint sequence, int length)
    {
        if (_forwarder.Find(Key.Guest) is not MacAddress guest)
        {
            return false;
        }

        int window = Math.Min(Room >> (_guestScale >= 0 ? Scale : 0), ushort.MaxValue);
        bool isSynchronize = (flags & TcpFlags.Synchronize) != 0;
        var header = new TcpHeader(
            Key.PeerPort, Key.GuestPort, sequence, (flags & TcpFlags.Acknowledge) != 0 ? _expected : 0, flags,
            (ushort)(isSynchronize ? Math.Min(Room, ushort.MaxValue) : window), 0, SegmentSize, _guestScale >= 0 || !_isPassive ? Scale : -1);
        byte[] bytes = new byte[PacketBuilder.Transport + TcpHeader.LengthFor(flags)];
        PacketBuilder.WriteIp(bytes, guest, Key.Peer, Key.Guest, PacketBuilder.Tcp, bytes.Length - PacketBuilder.IpHeader + length);
        header.Write(bytes.AsSpan(PacketBuilder.Transport));
        InternetChecksum.BeginTransport(bytes.AsSpan(PacketBuilder.IpHeader), PacketBuilder.Transport - PacketBuilder.IpHeader + 16);
        ReadOnlyMemory<byte>[] pieces = length == 0 ? [bytes] : _toGuest.Slice(bytes, (int)(sequence - _unacknowledged), length);
        var frame = new EthernetFrame(pieces) { LacksChecksum = true, SegmentSize = length > _guestSegment ? _guestSegment : 0 };
        if (!_forwarder.TrySend(frame))
        {
            return false;
        }

        if ((flags & TcpFlags.Acknowledge) != 0)
        {
            OwesAcknowledgement = false;
            _lastAcknowledged = _expected;
            _announcedEdge = _expected + (uint)(window << (_guestScale >= 0 ? Scale : 0));
        }

        return true;
    }
}
