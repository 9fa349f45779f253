using System.Buffers.Binary;
using Xunit;

namespace Tests.Network;

/// <summary>The guest's end of one TCP connection, as simple as it can be: sends what it is told, keeps what comes in order.</summary>
internal sealed class GuestTcp(UserGuest guest, uint peer, ushort port, ushort peerPort)
{
    public const byte Fin = 1, Syn = 2, Rst = 4, Psh = 8, Ack = 16;

    private uint _next = 5000;
    private uint _expected;

    public List<byte> Received { get; } = [];

    public bool HasFinished { get; private set; }

    public bool WasReset { get; private set; }

    /// <summary>What the network has acknowledged, and the window behind it in bytes.</summary>
    public uint Acknowledged { get; private set; }

    public int PeerWindow { get; private set; }

    public ushort Window { get; set; } = 60_000;

    public uint Sent => _next;

    public void Connect()
    {
        Send(Syn, [], [2, 4, 0x05, 0xB4, 1, 3, 3, 0]);
        _next++;
        Pump(() => _expected != 0 || WasReset);
    }

    /// <summary>Answers the SYN of a forwarded connection.</summary>
    public static GuestTcp Accept(UserGuest guest, out byte[] synchronize)
    {
        do
        {
            synchronize = guest.Station.Take();
        }
        while (synchronize.Length < 54 || synchronize[23] != 6 || (synchronize[47] & Syn) == 0);
        var tcp = new GuestTcp(
            guest, BinaryPrimitives.ReadUInt32BigEndian(synchronize.AsSpan(26)),
            BinaryPrimitives.ReadUInt16BigEndian(synchronize.AsSpan(36)), BinaryPrimitives.ReadUInt16BigEndian(synchronize.AsSpan(34)))
        {
            _expected = BinaryPrimitives.ReadUInt32BigEndian(synchronize.AsSpan(38)) + 1,
        };
        tcp.Send(Syn | Ack, [], [2, 4, 0x05, 0xB4, 1, 3, 3, 0]);
        tcp._next++;
        tcp.Send(Ack, []);
        return tcp;
    }

    public void Write(byte[] data)
    {
        foreach (byte[] part in data.Chunk(1400))
        {
            Send(Ack | Psh, part);
            _next += (uint)part.Length;
        }
    }

    public void Finish()
    {
        Send(Ack | Fin, []);
        _next++;
    }

    public void Reset() => Send(Rst, []);

    public void Send(byte flags, byte[] data, byte[]? options = null, uint? sequence = null)
    {
        options ??= [];
        byte[] tcp = new byte[20 + options.Length + data.Length];
        BinaryPrimitives.WriteUInt16BigEndian(tcp, port);
        BinaryPrimitives.WriteUInt16BigEndian(tcp.AsSpan(2), peerPort);
        BinaryPrimitives.WriteUInt32BigEndian(tcp.AsSpan(4), sequence ?? _next);
        BinaryPrimitives.WriteUInt32BigEndian(tcp.AsSpan(8), (flags & Ack) != 0 ? _expected : 0);
        tcp[12] = (byte)((20 + options.Length) / 4 << 4);
        tcp[13] = flags;
        BinaryPrimitives.WriteUInt16BigEndian(tcp.AsSpan(14), Window);
        options.CopyTo(tcp, 20);
        data.CopyTo(tcp, 20 + options.Length);
        guest.Station.Send(UserGuest.Packet(6, peer, tcp));
    }

    /// <summary>Takes segments until something is so.</summary>
    public void Pump(Func<bool> until)
    {
        while (!until())
        {
            Take(guest.Station.Take());
        }
    }

    private void Take(byte[] frame)
    {
        if (frame[23] != 6 || frame[12] != 8 || BinaryPrimitives.ReadUInt16BigEndian(frame.AsSpan(36)) != port)
        {
            return;
        }

        Span<byte> tcp = frame.AsSpan(34, BinaryPrimitives.ReadUInt16BigEndian(frame.AsSpan(16)) - 20);
        byte flags = tcp[13];
        uint sequence = BinaryPrimitives.ReadUInt32BigEndian(tcp[4..]);
        Span<byte> data = tcp[((tcp[12] >> 4) * 4)..];
        if ((flags & Ack) != 0)
        {
            Acknowledged = BinaryPrimitives.ReadUInt32BigEndian(tcp[8..]);
            PeerWindow = BinaryPrimitives.ReadUInt16BigEndian(tcp[14..]) << ((flags & Syn) != 0 ? 0 : 3);
        }

        if ((flags & Rst) != 0)
        {
            WasReset = true;
            return;
        }

        if ((flags & Syn) != 0)
        {
            _expected = sequence + 1;
            Send(Ack, []);
            return;
        }

        if (sequence != _expected)
        {
            Send(Ack, []); // as TCP does: where we are
            return;
        }

        Received.AddRange(data);
        _expected += (uint)data.Length;
        if ((flags & Fin) != 0)
        {
            HasFinished = true;
            _expected++;
        }

        if (data.Length > 0 || (flags & Fin) != 0)
        {
            Send(Ack, []);
        }
    }

    public void MustBeAcknowledged() => Pump(() => Acknowledged == _next);

    public void MustBeReset()
    {
        Pump(() => WasReset);
        Assert.True(WasReset);
    }
}
