using Runtime.Time;

namespace Runtime.Devices;

/// <summary>The date and time that an RTC shows, in the encodings of its cells. It runs with the machine's clock from the host's UTC.</summary>
internal sealed class RtcCalendar(IClock clock)
{
    private const int Seconds = 0, Minutes = 2, Hours = 4, WeekDay = 6, Day = 7, Month = 8, Year = 9, Century = 0x32;
    private const byte AlarmWildcard = 0xC0;
    private const int SecondsPerDay = 86_400;

    private DateTime _zero = WholeSeconds(clock.UtcNow) - TimeSpan.FromSeconds(clock.Now / 1_000_000_000);

    public byte Read(int cell, long now, bool isBcd, bool is24Hours)
    {
        DateTime time = At(now);
        return cell switch
        {
            Seconds => Encode(time.Second, isBcd),
            Minutes => Encode(time.Minute, isBcd),
            Hours => EncodeHour(time.Hour, isBcd, is24Hours),
            WeekDay => Encode((int)time.DayOfWeek + 1, isBcd),
            Day => Encode(time.Day, isBcd),
            Month => Encode(time.Month, isBcd),
            Year => Encode(time.Year % 100, isBcd),
            Century => Encode(time.Year / 100, isBcd),
            _ => 0xFF,
        };
    }

    /// <summary>Changes one cell of the running clock.</summary>
    public void Write(int cell, byte value, long now, bool isBcd, bool is24Hours)
    {
        byte[] cells = new byte[128];
        foreach (int other in (ReadOnlySpan<int>)[Seconds, Minutes, Hours, Day, Month, Year, Century])
        {
            cells[other] = Read(other, now, isBcd, is24Hours);
        }

        cells[cell] = value;
        WriteAll(cells, now, isBcd, is24Hours);
    }

    /// <summary>Sets the clock from all cells. Values that no calendar has are brought into range.</summary>
    public void WriteAll(ReadOnlySpan<byte> cells, long now, bool isBcd, bool is24Hours)
    {
        int year = Math.Clamp(Decode(cells[Century], isBcd) * 100 + Decode(cells[Year], isBcd), 1000, 9998);
        int month = Math.Clamp(Decode(cells[Month], isBcd), 1, 12);
        int day = Math.Clamp(Decode(cells[Day], isBcd), 1, DateTime.DaysInMonth(year, month));
        int hour = Math.Clamp(DecodeHour(cells[Hours], isBcd, is24Hours), 0, 23);
        int minute = Math.Clamp(Decode(cells[Minutes], isBcd), 0, 59);
        int second = Math.Clamp(Decode(cells[Seconds], isBcd), 0, 59);
        _zero = new DateTime(year, month, day, hour, minute, second, DateTimeKind.Utc) - TimeSpan.FromSeconds(now / 1_000_000_000);
    }

    /// <summary>Whether the alarm cells (1, 3, 5) matched at one of the last <paramref name="seconds"/> seconds up to now.</summary>
    public bool HasAlarmed(ReadOnlySpan<byte> cells, long now, long seconds, bool isBcd, bool is24Hours)
    {
        for (long back = Math.Min(seconds, SecondsPerDay) - 1; back >= 0; back--)
        {
            long instant = Math.Max(0, now - back * 1_000_000_000);
            if (Matches(cells[1], Seconds, instant, isBcd, is24Hours) && Matches(cells[3], Minutes, instant, isBcd, is24Hours)
                && Matches(cells[5], Hours, instant, isBcd, is24Hours))
            {
                return true;
            }
        }

        return false;
    }

    private bool Matches(byte alarm, int cell, long instant, bool isBcd, bool is24Hours)
        => alarm >= AlarmWildcard || alarm == Read(cell, instant, isBcd, is24Hours);

    private DateTime At(long now) => _zero + TimeSpan.FromSeconds(now / 1_000_000_000);

    private static DateTime WholeSeconds(DateTime time) => new(time.Ticks - time.Ticks % TimeSpan.TicksPerSecond, DateTimeKind.Utc);

    private static byte Encode(int value, bool isBcd) => (byte)(isBcd ? value / 10 << 4 | value % 10 : value);

    private static int Decode(byte value, bool isBcd) => isBcd ? (value >> 4) * 10 + (value & 0xF) : value;

    /// <summary>12-hour mode: 12, 1 … 11 with bit 7 for the afternoon.</summary>
    private static byte EncodeHour(int hour, bool isBcd, bool is24Hours)
        => is24Hours ? Encode(hour, isBcd) : (byte)(Encode(hour % 12 == 0 ? 12 : hour % 12, isBcd) | (hour >= 12 ? 0x80 : 0));

    private static int DecodeHour(byte value, bool isBcd, bool is24Hours)
        => is24Hours ? Decode(value, isBcd) : Decode((byte)(value & 0x7F), isBcd) % 12 + ((value & 0x80) != 0 ? 12 : 0);
}
