// The interval timer: channel 0 drives IRQ 0, channel 1 (refresh) nothing, channel 2 the speaker and port 61h.
using Runtime.Time;

namespace Runtime.Devices;

/// <summary>An 8254. Registers: offsets 0-2 the counters, 3 the control word.</summary>
public sealed class Pit8254 : IPortDevice, ITimedDevice
{
    /// <summary>Ticks that the guest missed (it was not run, or is slower than the processor it believes to have) and is still given: half a
    /// period apart, so that it gets something done between two of them, as it would have. More than that are dropped: a guest should not
    /// relive an hour that the host was suspended.</summary>
    public const int MaximumBacklog = 64;

    private readonly IClock _clock;
    private readonly InterruptLine _line;
    private readonly IDeviceTrace _trace;
    private readonly PitChannel[] _channels = [new(), new(), new()];
    private long _advancedTo;
    private int _backlog;
    private bool _isAcknowledged = true;
    private long _lastEdge;

    public Pit8254(IClock clock, InterruptLine line, IDeviceTrace trace)
    {
        _clock = clock;
        _line = line;
        _trace = trace;
        _advancedTo = Ticks;
        line.Acknowledged += OnAcknowledge;
    }

    public long NextDeadline { get; private set; } = DeadlineQueue.Never;

    /// <summary>GATE of channel 2, bit 0 of port 61h.</summary>
    public bool SpeakerGate
    {
        get => _channels[2].Counter.Gate;
        set => _channels[2].Counter.SetGate(value, Ticks);
    }

    /// <summary>OUT of channel 2, bit 5 of port 61h.</summary>
    public bool SpeakerOutput => _channels[2].Counter.Output(Ticks);

    private long Ticks => PitTicks.FromNanoseconds(_clock.Now);

    public void Advance(long now) => AdvanceTo(PitTicks.FromNanoseconds(now));

    public uint Read(int offset, int size)
    {
        if (offset == 3)
        {
            _trace.UnknownRead("8254", offset, size);
            return 0; // the control word is write-only; zero as in QEMU
        }

        long now = Ticks;
        AdvanceTo(now);
        return _channels[offset].Read(now);
    }

    public void Write(int offset, int size, uint value)
    {
        long now = Ticks;
        AdvanceTo(now);
        if (offset < 3)
        {
            _channels[offset].Write((byte)value, now);
        }
        else if (value >> 6 == 3)
        {
            ReadBack((byte)value, now);
        }
        else
        {
            _channels[value >> 6].Control((byte)value, now);
        }

        bool isReprogrammed = offset == 0 || (offset == 3 && value >> 6 == 0 && (value & 0x30) != 0);
        if (isReprogrammed)
        {
            _backlog = 0;
            _isAcknowledged = true;
            _line.Set(_channels[0].Counter.Output(now));
            UpdateDeadline(now);
        }
    }

    /// <summary>8254 read-back command: bit 5 low latches counts, bit 4 low latches status, bits 3-1 choose the counters.</summary>
    private void ReadBack(byte command, long now)
    {
        for (int i = 0; i < _channels.Length; i++)
        {
            if ((command & 2 << i) == 0)
            {
                continue;
            }

            if ((command & 0x20) == 0)
            {
                _channels[i].LatchCount(now);
            }

            if ((command & 0x10) == 0)
            {
                _channels[i].LatchStatus(now);
            }
        }
    }

    private void AdvanceTo(long ticks)
    {
        if (ticks <= _advancedTo)
        {
            return;
        }

        PitCounter counter = _channels[0].Counter;
        long rises = counter.CountRises(_advancedTo, ticks);
        _advancedTo = ticks;
        if (rises > 0)
        {
            // One that still waits to be taken would merge with its successor, and a guest that counts ticks lose time.
            _backlog = (int)Math.Min(MaximumBacklog, _backlog + rises - (_isAcknowledged ? 1 : 0));
            MakeEdge(ticks);
        }
        else if (ticks >= CatchUp)
        {
            _backlog--;
            MakeEdge(ticks);
        }

        _line.Set(counter.Output(ticks));
        UpdateDeadline(ticks);
    }

    /// <summary>When the next of the missed ticks may come.</summary>
    private long CatchUp => _backlog > 0 && _isAcknowledged ? _lastEdge + (_channels[0].Counter.Period + 1) / 2 : PitCounter.Never;

    private void MakeEdge(long ticks)
    {
        _line.Edge();
        _lastEdge = ticks;
        _isAcknowledged = false;
    }

    private void OnAcknowledge()
    {
        _isAcknowledged = true;
        if (_backlog > 0)
        {
            UpdateDeadline(_advancedTo);
        }
    }

    private void UpdateDeadline(long ticks)
    {
        long rise = Math.Min(_channels[0].Counter.NextRise(ticks), CatchUp);
        NextDeadline = rise == PitCounter.Never ? DeadlineQueue.Never : PitTicks.ToNanoseconds(rise);
    }
}
