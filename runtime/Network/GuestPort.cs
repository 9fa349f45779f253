// A guest's end of the cable: what a network device sends to and receives from. It brings frames from whoever forwards them to the vCPU's thread.
using System.Collections.Concurrent;
using Runtime.Accounts;
using Runtime.Time;

namespace Runtime.Network;

/// <summary>A network card's view of a switch. All members but those of <see cref="ISwitchClient"/> are for the vCPU's thread.</summary>
public sealed class GuestPort(MacAddress address, CompletionQueue completions) : ISwitchClient
{
    /// <summary>Nanoseconds after which a guest that takes nothing keeps no other guest's pages any more.</summary>
    public const long Patience = 100_000_000;

    /// <summary>What waits for a guest that does not take it; more is dropped, as by any switch.</summary>
    private const int MaximumBytes = 4 << 20;

    private const int MaximumFrames = 4096;

    private readonly ConcurrentQueue<EthernetFrame> _arrived = new();
    private SwitchPort? _port;
    private int _bytes;
    private int _notified;
    private long _dropped;
    private int _taken;
    private int _takenBefore;

    public MacAddress Address => address;

    /// <summary>Counts what the guest sends and takes, and what it did not take in time; null for no counting.</summary>
    public NetworkAccount? Account { get; init; }

    /// <summary>Called when frames have arrived since <see cref="TryReceive"/> found none.</summary>
    public Action? Arrived { get; set; }

    /// <summary>Called when <see cref="TryTransmit"/> can be tried again.</summary>
    public Action? Writable { get; set; }

    public bool IsConnected => _port is not null;

    public long DroppedFrames => Interlocked.Read(ref _dropped);

    /// <summary>Plugs the cable in, before the guest runs.</summary>
    public void Plug(SwitchPort port) => _port = port;

    /// <summary>Takes it out; the port it was in, if any.</summary>
    internal SwitchPort? Unplug() => Interlocked.Exchange(ref _port, null);

    /// <summary>Some frame waits for the guest. Safe from any thread.</summary>
    internal bool HasArrivals => !_arrived.IsEmpty;

    /// <summary>To be called now and then: frames that wait since the last time, in which the guest took none, go back to their senders as far
    /// as their pages are concerned. Safe from any thread.</summary>
    internal void GiveBackIfStalled()
    {
        int taken = Volatile.Read(ref _taken);
        if (taken == _takenBefore)
        {
            foreach (EthernetFrame frame in _arrived.Where(frame => frame.IsBorrowed))
            {
                frame.GiveBack();
            }
        }

        _takenBefore = taken;
    }

    /// <summary>Releases what has arrived and nobody will take.</summary>
    internal void Clear()
    {
        while (TryPeek(out EthernetFrame frame))
        {
            Take();
            frame.Release();
        }
    }

    /// <summary>Hands a frame over. False when it has to wait for <see cref="Writable"/>; without a cable frames are lost.</summary>
    public bool TryTransmit(EthernetFrame frame)
    {
        if (_port is null)
        {
            frame.Release();
            return true;
        }

        int length = frame.Length;
        if (!_port.TryTransmit(frame))
        {
            return false;
        }

        Account?.AddSent(length);
        return true;
    }

    /// <summary>The frame that came first, to be released by the caller.</summary>
    public bool TryPeek(out EthernetFrame frame)
    {
        if (_arrived.TryPeek(out frame!))
        {
            return true;
        }

        Volatile.Write(ref _notified, 0);
        return _arrived.TryPeek(out frame!); // one may have come before the note
    }

    /// <summary>Takes off the frame that <see cref="TryPeek"/> has shown.</summary>
    public void Take()
    {
        if (_arrived.TryDequeue(out EthernetFrame? frame))
        {
            Interlocked.Add(ref _bytes, -frame.Length);
            Volatile.Write(ref _taken, _taken + 1);
            Account?.AddReceived(frame.Length);
        }
    }

    void ISwitchClient.Deliver(EthernetFrame frame)
    {
        if (Volatile.Read(ref _bytes) + frame.Length > MaximumBytes || _arrived.Count >= MaximumFrames)
        {
            Interlocked.Increment(ref _dropped);
            Account?.AddDropped();
            frame.Release();
            return;
        }

        Interlocked.Add(ref _bytes, frame.Length);
        _arrived.Enqueue(frame);
        if (Interlocked.Exchange(ref _notified, 1) == 0)
        {
            completions.Post(() => Arrived?.Invoke());
        }
    }

    void ISwitchClient.Drained() => completions.Post(() => Writable?.Invoke());
}
