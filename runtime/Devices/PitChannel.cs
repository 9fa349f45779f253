namespace Runtime.Devices;

/// <summary>The byte-wide registers in front of one 8254 counter: access mode, count latch, status latch.</summary>
internal sealed class PitChannel
{
    private enum Access
    {
        Low = 1,
        High = 2,
        LowThenHigh = 3,
    }

    private Access _access = Access.LowThenHigh;
    private bool _writesHighNext;
    private bool _readsHighNext;
    private byte _lowWritten;
    private int? _latchedCount;
    private byte? _latchedStatus;
    private bool _isNullCount = true;
    private byte _modeBits;

    public PitCounter Counter { get; } = new();

    /// <summary>8254 control word: bits 5-4 access, 3-1 mode, 0 BCD; access 0 is the counter latch command.</summary>
    public void Control(byte word, long now)
    {
        int access = word >> 4 & 3;
        if (access == 0)
        {
            LatchCount(now);
            return;
        }

        _access = (Access)access;
        _writesHighNext = _readsHighNext = false;
        _latchedCount = null;
        _latchedStatus = null;
        _isNullCount = true;
        _modeBits = (byte)(word & 0x0F);
        Counter.SetMode(word >> 1 & 7, (word & 1) != 0);
    }

    /// <summary>A second latch before the first was read is ignored.</summary>
    public void LatchCount(long now) => _latchedCount ??= Counter.Count(now);

    /// <summary>8254 read-back command, status byte: OUT 7, null count 6, then the control word as written.</summary>
    public void LatchStatus(long now)
        => _latchedStatus ??= (byte)((Counter.Output(now) ? 0x80 : 0) | (_isNullCount ? 0x40 : 0) | (int)_access << 4 | _modeBits);

    public byte Read(long now)
    {
        if (_latchedStatus is byte status)
        {
            _latchedStatus = null;
            return status;
        }

        int count = _latchedCount ?? Counter.Count(now);
        bool isHigh = _access == Access.High || (_access == Access.LowThenHigh && _readsHighNext);
        bool isLast = _access != Access.LowThenHigh || isHigh;
        _readsHighNext = !isLast;
        if (isLast)
        {
            _latchedCount = null;
        }

        return (byte)(isHigh ? count >> 8 : count);
    }

    public void Write(byte value, long now)
    {
        switch (_access)
        {
            case Access.Low:
                Load(value, now);
                break;
            case Access.High:
                Load(value << 8, now);
                break;
            default:
                if (_writesHighNext)
                {
                    Load(value << 8 | _lowWritten, now);
                }
                else
                {
                    _lowWritten = value;
                    Counter.Hold();
                }

                _writesHighNext = !_writesHighNext;
                break;
        }
    }

    private void Load(int count, long now)
    {
        _isNullCount = false;
        Counter.Load(count, now);
    }
}
