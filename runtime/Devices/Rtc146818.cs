// The real-time clock and the battery-backed bytes beside it (CMOS). The clock's arithmetic is in RtcCalendar.
using Runtime.Time;

namespace Runtime.Devices;

/// <summary>An MC146818A behind an index (offset 0) and a data port (offset 1).</summary>
public sealed class Rtc146818 : IPortDevice, ITimedDevice
{
    private const int RegisterA = 0x0A, RegisterB = 0x0B, RegisterC = 0x0C, RegisterD = 0x0D, Century = 0x32;
    private const byte UpdateInProgress = 0x80, Set = 0x80;
    private const byte InterruptRequest = 0x80, Periodic = 0x40, Alarm = 0x20, UpdateEnded = 0x10;
    private const long NanosecondsPerSecond = 1_000_000_000;

    /// <summary>MC146818A: UIP is set 244 µs before an update.</summary>
    private const long UpdateLead = 244_000;

    private readonly IClock _clock;
    private readonly InterruptLine _line;
    private readonly RtcCalendar _calendar;
    private readonly byte[] _cells = new byte[128];
    private int _index;
    private long _settledTo;

    /// <param name="memory">Bytes of RAM, for the cells that a BIOS would have written.</param>
    public Rtc146818(IClock clock, InterruptLine line, ulong memory)
    {
        _clock = clock;
        _line = line;
        _calendar = new RtcCalendar(clock);
        _settledTo = clock.Now;
        _cells[RegisterA] = 0x26; // 32,768 Hz time base, periodic rate 1,024 Hz
        _cells[RegisterB] = 0x02; // 24 hours, BCD
        _cells[RegisterD] = 0x80; // the battery is good
        CmosMemorySize.Write(_cells, memory);
    }

    public long NextDeadline { get; private set; } = DeadlineQueue.Never;

    private bool IsBcd => (_cells[RegisterB] & 4) == 0;

    private bool Is24Hours => (_cells[RegisterB] & 2) != 0;

    private bool IsSetting => (_cells[RegisterB] & Set) != 0;

    public void Advance(long now)
    {
        Settle(now);
        UpdateLine(now);
    }

    public uint Read(int offset, int size)
    {
        if (offset == 0)
        {
            return 0xFF; // the index is write-only
        }

        long now = _clock.Now;
        Settle(now);
        if (IsClockCell(_index))
        {
            return IsSetting ? _cells[_index] : _calendar.Read(_index, now, IsBcd, Is24Hours);
        }

        switch (_index)
        {
            case RegisterA:
                bool isUpdating = !IsSetting && now % NanosecondsPerSecond >= NanosecondsPerSecond - UpdateLead;
                return (uint)(_cells[RegisterA] & ~UpdateInProgress | (isUpdating ? UpdateInProgress : 0));
            case RegisterC:
                byte flags = _cells[RegisterC];
                _cells[RegisterC] = 0;
                UpdateLine(now);
                return flags;
            default:
                return _cells[_index];
        }
    }

    public void Write(int offset, int size, uint value)
    {
        if (offset == 0)
        {
            _index = (int)(value & 0x7F); // bit 7 masks NMI, of which there is none
            return;
        }

        long now = _clock.Now;
        Settle(now);
        switch (_index)
        {
            case RegisterA:
                _cells[RegisterA] = (byte)(value & 0x7F);
                break;
            case RegisterB:
                WriteRegisterB((byte)value, now);
                break;
            case RegisterC or RegisterD:
                break; // read-only
            default:
                _cells[_index] = (byte)value;
                if (IsClockCell(_index) && !IsSetting)
                {
                    _calendar.Write(_index, (byte)value, now, IsBcd, Is24Hours);
                }

                break;
        }

        UpdateLine(now);
    }

    private static bool IsClockCell(int index) => index is 0 or 2 or 4 or (>= 6 and <= 9) or Century;

    /// <summary>SET freezes the clock cells for the guest to write them; clearing it starts the clock from what they hold.</summary>
    private void WriteRegisterB(byte value, long now)
    {
        bool wasSetting = IsSetting;
        if (!wasSetting && (value & Set) != 0)
        {
            value &= unchecked((byte)~UpdateEnded); // MC146818A: SET clears UIE
            for (int cell = 0; cell < _cells.Length; cell++)
            {
                if (IsClockCell(cell))
                {
                    _cells[cell] = _calendar.Read(cell, now, IsBcd, Is24Hours);
                }
            }
        }

        _cells[RegisterB] = value;
        if (wasSetting && !IsSetting)
        {
            _calendar.WriteAll(_cells, now, IsBcd, Is24Hours);
        }
    }

    /// <summary>Sets the flags of register C for what has happened since the last time.</summary>
    private void Settle(long now)
    {
        long since = _settledTo;
        _settledTo = now;
        byte flags = 0;
        if (PeriodicInterval is long interval && now / interval != since / interval)
        {
            flags |= Periodic;
        }

        long seconds = now / NanosecondsPerSecond - since / NanosecondsPerSecond;
        if (seconds > 0 && !IsSetting)
        {
            flags |= UpdateEnded;
            flags |= _calendar.HasAlarmed(_cells, now, seconds, IsBcd, Is24Hours) ? Alarm : (byte)0;
        }

        _cells[RegisterC] |= flags;
    }

    /// <summary>MC146818A table 5: rates 3-15 divide 32,768 Hz by 2^(rate-1); 1 and 2 repeat 8 and 9; 0 is off.</summary>
    private long? PeriodicInterval
    {
        get
        {
            int rate = _cells[RegisterA] & 0xF;
            int shift = rate < 3 ? rate + 6 : rate - 1;
            return rate == 0 ? null : NanosecondsPerSecond * (1L << shift) / 32_768;
        }
    }

    private void UpdateLine(long now)
    {
        bool isRequested = (_cells[RegisterC] & _cells[RegisterB] & (Periodic | Alarm | UpdateEnded)) != 0;
        _cells[RegisterC] = (byte)(_cells[RegisterC] & ~InterruptRequest | (isRequested ? InterruptRequest : 0));
        _line.Set(isRequested);

        long next = DeadlineQueue.Never;
        if (!isRequested)
        {
            if ((_cells[RegisterB] & Periodic) != 0 && PeriodicInterval is long interval)
            {
                next = (now / interval + 1) * interval;
            }

            if ((_cells[RegisterB] & (Alarm | UpdateEnded)) != 0 && !IsSetting)
            {
                next = Math.Min(next, (now / NanosecondsPerSecond + 1) * NanosecondsPerSecond);
            }
        }

        NextDeadline = next;
    }
}
