// System time as a guest reads it without an exit (struct vcpu_time_info): what the time-stamp counter was at an instant of the machine's clock,
// and how its ticks become nanoseconds. Renewed once a second, so that it follows the clock.
using System.Buffers.Binary;
using Runtime.Abi.Xen;
using Runtime.Events;
using Runtime.Time;

namespace Runtime.Paravirt.Xen;

/// <summary>Writes the time into vcpu_info and the calendar into the shared page.</summary>
/// <param name="readTimeStamp">What RDTSC gives the guest now.</param>
internal sealed class SystemTime(EventChannels events, IClock clock, Func<ulong> readTimeStamp, GuestArea area) : ITimedDevice
{
    private const long Period = 1_000_000_000;
    private const int SampleTries = 4;

    /// <summary>Over less time than this the counter's rate would be known too badly.</summary>
    private const long ShortestBaseline = 1_000_000;

    private readonly (ulong Ticks, long Nanoseconds) _start = Sample(clock, readTimeStamp);
    private (ulong Ticks, ulong Nanoseconds, uint Multiplier, int Shift)? _published;
    private uint _copyVersion;

    public long NextDeadline { get; private set; } = DeadlineQueue.Never;

    /// <summary>Where the guest wants a second copy, which it may show to its programs.</summary>
    public GuestArea Area => area;

    public void Advance(long now) => Publish();

    /// <summary>Writes the second copy, if there is one.</summary>
    /// <returns>False when it cannot be written.</returns>
    public bool TryPublishCopy()
    {
        if (_published is not { } last)
        {
            return true;
        }

        // The guest does not run meanwhile, so the version need not be odd in between.
        _copyVersion += 2;
        Span<byte> copy = stackalloc byte[VcpuTimeLayout.Length];
        copy.Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(copy[VcpuTimeLayout.Version..], _copyVersion);
        BinaryPrimitives.WriteUInt64LittleEndian(copy[VcpuTimeLayout.TscTimestamp..], last.Ticks);
        BinaryPrimitives.WriteUInt64LittleEndian(copy[VcpuTimeLayout.SystemTime..], last.Nanoseconds);
        BinaryPrimitives.WriteUInt32LittleEndian(copy[VcpuTimeLayout.TscToSystemMultiplier..], last.Multiplier);
        BinaryPrimitives.WriteUInt32LittleEndian(copy[VcpuTimeLayout.TscShift..], ShiftAndFlags(last.Shift));
        return area.TryWrite(copy);
    }

    /// <summary>Writes what is true now; also after vcpu_info or the shared page has moved.</summary>
    public void Publish()
    {
        (ulong ticks, long nanoseconds) = Sample(clock, readTimeStamp);
        while (nanoseconds - _start.Nanoseconds < ShortestBaseline)
        {
            Thread.SpinWait(100);
            (ticks, nanoseconds) = Sample(clock, readTimeStamp);
        }

        double hertz = (ticks - _start.Ticks) * 1e9 / (nanoseconds - _start.Nanoseconds);
        (uint multiplier, int shift) = Scale(hertz);
        // What a guest has read already must not come again.
        ulong time = Math.Max((ulong)nanoseconds, Extrapolate(ticks));
        _published = (ticks, time, multiplier, shift);
        events.Quietly(shared => Write(shared, ticks, time, multiplier, shift));
        TryPublishCopy();
        NextDeadline = nanoseconds + Period;
    }

    /// <summary>The multiplier with all its 32 bits in use, and the shift that goes before it.</summary>
    internal static (uint Multiplier, int Shift) Scale(double hertz)
    {
        int shift = 0;
        double perTick = 1e9 / hertz;
        while (perTick >= 1)
        {
            perTick /= 2;
            shift++;
        }

        while (perTick < 0.5)
        {
            perTick *= 2;
            shift--;
        }

        return ((uint)Math.Min(uint.MaxValue, Math.Round(perTick * 4294967296.0)), shift);
    }

    /// <summary>The formula of public/xen.h, which guests follow.</summary>
    internal static ulong Nanoseconds(ulong ticks, uint multiplier, int shift)
        => (ulong)(((UInt128)(shift < 0 ? ticks >> -shift : ticks << shift) * multiplier) >> 32);

    /// <summary>Counter and clock at one instant: of a few tries the one in which the least time passed between two looks at the counter.</summary>
    private static (ulong, long) Sample(IClock clock, Func<ulong> readTimeStamp)
    {
        (ulong Ticks, long Nanoseconds) best = default;
        ulong shortest = ulong.MaxValue;
        for (int i = 0; i < SampleTries; i++)
        {
            ulong before = readTimeStamp();
            long now = clock.Now;
            ulong between = readTimeStamp() - before;
            if (between < shortest)
            {
                (best, shortest) = ((before + (between / 2), now), between);
            }
        }

        return best;
    }

    /// <summary>There is one processor, and its counter is the host's.</summary>
    private static uint ShiftAndFlags(int shift) => (byte)shift | VcpuTimeLayout.StableTimeStamp << 8;

    private ulong Extrapolate(ulong ticks)
        => _published is { } last ? last.Nanoseconds + Nanoseconds(ticks - last.Ticks, last.Multiplier, last.Shift) : 0;

    private void Write(SharedInfo shared, ulong ticks, ulong time, uint multiplier, int shift)
    {
        ref uint version = ref shared.VcpuWord(SharedInfoLayout.Time + VcpuTimeLayout.Version);
        Volatile.Write(ref version, version | 1);
        Write64(SharedInfoLayout.Time + VcpuTimeLayout.TscTimestamp, ticks);
        Write64(SharedInfoLayout.Time + VcpuTimeLayout.SystemTime, time);
        shared.VcpuWord(SharedInfoLayout.Time + VcpuTimeLayout.TscToSystemMultiplier) = multiplier;
        shared.VcpuWord(SharedInfoLayout.Time + VcpuTimeLayout.TscShift) = ShiftAndFlags(shift);
        Volatile.Write(ref version, (version | 1) + 1);

        // The calendar at system time 0.
        long epoch = (clock.UtcNow - DateTime.UnixEpoch).Ticks * 100 - clock.Now;
        ref uint wallVersion = ref shared.Word(SharedInfoLayout.WallClockVersion);
        Volatile.Write(ref wallVersion, wallVersion | 1);
        shared.Word(SharedInfoLayout.WallClockSeconds) = (uint)(epoch / 1_000_000_000);
        shared.Word(SharedInfoLayout.WallClockNanoseconds) = (uint)(epoch % 1_000_000_000);
        Volatile.Write(ref wallVersion, (wallVersion | 1) + 1);

        void Write64(int offset, ulong value)
        {
            shared.VcpuWord(offset) = (uint)value;
            shared.VcpuWord(offset + 4) = (uint)(value >> 32);
        }
    }
}
