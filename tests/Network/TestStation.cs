using System.Buffers.Binary;
using System.Collections.Concurrent;
using Runtime.Network;
using Xunit;

namespace Tests.Network;

/// <summary>Something at a port of a switch that keeps what it gets.</summary>
internal sealed class TestStation : ISwitchClient
{
    private readonly BlockingCollection<EthernetFrame> _received = [];

    public SwitchPort Port { get; set; } = null!;

    public int Drains { get; private set; }

    /// <summary>Frames are given back, not kept.</summary>
    public bool ReleasesAtOnce { get; set; }

    public int Count => _received.Count;

    public static EthernetFrame Frame(MacAddress to, MacAddress from, int length = 60, ushort type = 0x88B5, byte fill = 0)
    {
        byte[] bytes = new byte[length];
        bytes.AsSpan(EthernetFrame.HeaderLength).Fill(fill);
        to.Write(bytes);
        from.Write(bytes.AsSpan(6));
        BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(12), type);
        return new EthernetFrame(bytes);
    }

    public void Send(byte[] frame) => Assert.True(Port.TryTransmit(new EthernetFrame(frame)));

    public byte[]? TryTake() => _received.TryTake(out EthernetFrame? frame) ? frame.ToArray() : null;

    /// <summary>Takes a frame and gives it back, if there is one.</summary>
    public bool TryDiscard()
    {
        bool isThere = _received.TryTake(out EthernetFrame? frame);
        frame?.Release();
        return isThere;
    }

    /// <summary>The next frame, waited for; it must come.</summary>
    public byte[] Take()
    {
        Assert.True(_received.TryTake(out EthernetFrame? frame, TimeSpan.FromSeconds(20)), "no frame came");
        byte[] bytes = frame.ToArray();
        frame.Release();
        return bytes;
    }

    void ISwitchClient.Deliver(EthernetFrame frame)
    {
        if (ReleasesAtOnce)
        {
            frame.Release();
        }
        else
        {
            _received.Add(frame);
        }
    }

    void ISwitchClient.Drained() => Drains++;
}
