using System.Collections.Concurrent;

namespace Runtime.Network;

/// <summary>A port of a <see cref="VirtualSwitch"/>, with a bounded queue of frames that its client has sent and the switch not taken yet.</summary>
public sealed class SwitchPort
{
    /// <summary>Frames in a queue; the client waits, or drops, beyond that.</summary>
    public const int QueueLength = 256;

    private readonly ConcurrentQueue<EthernetFrame> _sent = new();
    private readonly Action _wake;
    private int _count;
    private int _refused;

    internal SwitchPort(ISwitchClient client, MacAddress? owner, Action wake)
    {
        Client = client;
        Owner = owner;
        _wake = wake;
    }

    public ISwitchClient Client { get; }

    /// <summary>The address that belongs to this port, whoever claims it elsewhere.</summary>
    public MacAddress? Owner { get; }

    /// <summary>Addresses that the switch has learned here.</summary>
    internal int LearnedCount { get; set; }

    /// <summary>Bytes that the port may still send before it is the next one's turn.</summary>
    internal int Credit { get; set; }

    internal bool IsEmpty => _sent.IsEmpty;

    /// <summary>Queues a frame, which is the switch's from then on. False when the queue is full. From one thread at a time.</summary>
    public bool TryTransmit(EthernetFrame frame)
    {
        if (Volatile.Read(ref _count) >= QueueLength)
        {
            // Asked for again behind the note: the switch may have emptied the queue between.
            Interlocked.Exchange(ref _refused, 1);
            if (Volatile.Read(ref _count) >= QueueLength)
            {
                return false;
            }
        }

        _sent.Enqueue(frame);
        if (Interlocked.Increment(ref _count) == 1)
        {
            _wake();
        }

        return true;
    }

    internal bool TryPeek(out EthernetFrame frame) => _sent.TryPeek(out frame!);

    internal void Take()
    {
        _sent.TryDequeue(out _);
        Interlocked.Decrement(ref _count);
    }

    /// <summary>Tells a client that was refused, once half of the queue is free.</summary>
    internal void Encourage()
    {
        if (Volatile.Read(ref _refused) != 0 && Volatile.Read(ref _count) <= QueueLength / 2 && Interlocked.Exchange(ref _refused, 0) != 0)
        {
            Client.Drained();
        }
    }
}
