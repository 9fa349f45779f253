// The host's time-stamp counter. .NET offers no RDTSC, so ten bytes of machine code are mapped and called.
using System.Diagnostics;
using System.Runtime.InteropServices;
using Runtime.Engines.Direct.Host;
using Runtime.Engines.Interpreter;

namespace Runtime.Engines.Direct;

/// <summary>Reads the counter that the guest's own RDTSC reads when it runs natively.</summary>
internal sealed unsafe class HostTimeStamp : ITimeStamp
{
    /// <summary>The error of the clock's reading, some ten nanoseconds, is a millionth of this.</summary>
    private static readonly TimeSpan ShortestMeasurement = TimeSpan.FromMilliseconds(20);

    private readonly (ulong Counter, long Clock) _created;
    private readonly delegate* unmanaged[SuppressGCTransition]<ulong> _read;

    public HostTimeStamp()
    {
        // rdtsc; shl rdx, 32; or rax, rdx; ret
        ReadOnlySpan<byte> code = [0x0F, 0x31, 0x48, 0xC1, 0xE2, 0x20, 0x48, 0x09, 0xD0, 0xC3];
        // SAFETY: the code follows the System V calling convention; the page is never unmapped.
        _read = (delegate* unmanaged[SuppressGCTransition]<ulong>)LinuxHost.MapCode(code);
        _created = Sample();
    }

    public ulong Read() => _read();

    /// <summary>Measured against the host's clock, from the creation of this object to the first question.</summary>
    public ulong Frequency
    {
        get
        {
            if (field == 0)
            {
                TimeSpan missing = ShortestMeasurement - Stopwatch.GetElapsedTime(_created.Clock);
                if (missing > TimeSpan.Zero)
                {
                    Thread.Sleep(missing);
                }

                (ulong counter, long clock) = Sample();
                field = (ulong)((UInt128)(counter - _created.Counter) * (ulong)Stopwatch.Frequency / (ulong)(clock - _created.Clock));
            }

            return field;
        }
    }

    /// <summary>Both at one instant: of a few attempts that in which the clock was read quickest.</summary>
    private (ulong Counter, long Clock) Sample()
    {
        const int attempts = 8;
        (ulong Counter, long Clock) best = default;
        long shortest = long.MaxValue;
        for (int i = 0; i < attempts; i++)
        {
            ulong before = _read();
            long clock = Stopwatch.GetTimestamp();
            ulong after = _read();
            if ((long)(after - before) < shortest)
            {
                shortest = (long)(after - before);
                best = (before + (after - before) / 2, clock);
            }
        }

        return best;
    }
}
