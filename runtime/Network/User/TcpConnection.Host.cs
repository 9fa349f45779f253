// The host's side of a connection: a socket that never blocks.
using System.Net;
using System.Net.Sockets;

namespace Runtime.Network.User;

internal sealed partial class TcpConnection
{
    public Socket? Socket { get; private set; }

    public bool WantsToRead => _phase == Phase.Open && !_hostHasFinished && _toGuest.Length < Capacity;

    public bool WantsToWrite => _phase == Phase.Connecting || _toHostLength > 0;

    /// <summary>Begins to connect to where the guest wants to.</summary>
    public void Connect(IPEndPoint target)
    {
        try
        {
            Socket!.Connect(target);
            OnConnected();
        }
        catch (SocketException pending) when (pending.SocketErrorCode is SocketError.WouldBlock or SocketError.InProgress)
        {
            // Writable when it has succeeded or failed.
        }
        catch (SocketException)
        {
            Refuse();
        }
    }

    /// <summary>Offers a forwarded connection to the guest.</summary>
    public void Offer() => SendSynchronize();

    public void Readable()
    {
        byte[] buffer = _forwarder.Buffer;
        while (WantsToRead)
        {
            int length = Socket!.Receive(buffer.AsSpan(0, Math.Min(buffer.Length, Capacity - _toGuest.Length)), SocketFlags.None, out SocketError error);
            if (error == SocketError.WouldBlock)
            {
                break;
            }

            if (error != SocketError.Success)
            {
                SendReset(_next);
                Abort();
                return;
            }

            if (length == 0)
            {
                _hostHasFinished = true;
                break;
            }

            _toGuest.Add(buffer.AsSpan(0, length).ToArray());
        }

        Output();
        EndWhenFinished();
    }

    public void Writable()
    {
        if (_phase == Phase.Connecting)
        {
            if (Socket!.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.Error) is 0)
            {
                OnConnected();
            }
            else
            {
                Refuse();
            }

            return;
        }

        while (_toHost.TryPeek(out ReadOnlyMemory<byte> piece))
        {
            int sent = Socket!.Send(piece.Span, SocketFlags.None, out SocketError error);
            if (error == SocketError.WouldBlock)
            {
                break;
            }

            if (error != SocketError.Success)
            {
                SendReset(_next);
                Abort();
                return;
            }

            _toHostLength -= sent;
            _toHost.Dequeue();
            if (sent < piece.Length)
            {
                // What is left goes first: there is no putting back into a queue.
                ReadOnlyMemory<byte>[] rest = [piece[sent..], .. _toHost];
                _toHost.Clear();
                Array.ForEach(rest, _toHost.Enqueue);
                break;
            }
        }

        // A guest that was told to stop is told to go on once that is worth a segment (RFC 9293, 3.8.6.2.2).
        if ((int)(_expected + (uint)Room - _announcedEdge) >= Math.Min(Capacity / 2, 2 * SegmentSize) && (int)(_announcedEdge - _expected) < Capacity / 2)
        {
            Owe();
            SendAcknowledgement();
        }

        ShutHostWhenDrained();
        EndWhenFinished();
    }

    /// <summary>Ends at once: the host's peer sees a reset.</summary>
    public void Abort()
    {
        if (Socket is not null && _phase != Phase.Dead)
        {
            Socket.LingerState = new LingerOption(true, 0);
        }

        Close();
    }

    private void OnConnected()
    {
        Socket!.NoDelay = true;
        _phase = Phase.Synchronizing;
        _unacknowledged = (uint)Random.Shared.NextInt64();
        SendSynchronize();
    }

    private void Refuse()
    {
        SendReset(0);
        Close();
    }

    /// <summary>Data for the host: straight from the guest's frame to the socket, as far as that takes it.</summary>
    private void TakeForHost(EthernetFrame frame, int offset, int length)
    {
        bool isBroken = false;
        frame.Read(offset, length, pieces =>
        {
            int sent = 0;
            if (_toHostLength == 0)
            {
                sent = GatheredSend.Send(Socket!, pieces, out SocketError error);
                isBroken = error is not (SocketError.Success or SocketError.WouldBlock);
            }

            foreach (ReadOnlyMemory<byte> piece in pieces)
            {
                int gone = Math.Min(sent, piece.Length);
                sent -= gone;
                if (gone < piece.Length)
                {
                    _toHost.Enqueue(piece[gone..].ToArray());
                    _toHostLength += piece.Length - gone;
                }
            }
        });
        if (isBroken)
        {
            SendReset(_next);
            Abort();
        }
    }

    private void ShutHostWhenDrained()
    {
        if (_guestHasFinished && _toHostLength == 0 && !_hostIsShut && _phase == Phase.Open)
        {
            _hostIsShut = true;
            try
            {
                Socket!.Shutdown(SocketShutdown.Send);
            }
            catch (SocketException)
            {
                // The peer has gone already.
            }
        }
    }

    private void Close()
    {
        if (_phase != Phase.Dead)
        {
            _phase = Phase.Dead;
            StopTimer();
            _forwarder.Remove(this);
            Socket = null;
        }
    }
}
