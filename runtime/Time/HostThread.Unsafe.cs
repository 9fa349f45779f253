// What the host's kernel knows of threads and processes: the processor time that they used, and where they may run.
using System.Runtime.InteropServices;

namespace Runtime.Time;

/// <summary>Processor clocks of clock_gettime(2), in nanoseconds, and the calling thread's wishes. On hosts other than Linux clocks read 0 and
/// wishes change nothing.</summary>
internal static unsafe partial class HostThread
{
    private const int ProcessClock = 2, ThreadClock = 3;
    private const int SetTimerSlack = 29;
    private const int MaskWords = 16;

    private static readonly ulong[] AllowedAtStart = Allowed();

    /// <summary>The calling thread's identifier, for <see cref="TimeOfThread"/>.</summary>
    public static int Id => OperatingSystem.IsLinux() ? gettid() : 0;

    /// <summary>The processor that the calling thread is on at the moment; -1 where the host does not say.</summary>
    public static int CurrentProcessor => OperatingSystem.IsLinux() ? sched_getcpu() : -1;

    public static long TimeOfCaller() => Read(ThreadClock);

    /// <summary>All threads of this process together, the ended ones too.</summary>
    public static long TimeOfThisProcess() => Read(ProcessClock);

    /// <summary>A thread of this process; 0 once it has ended.</summary>
    // linux/posix-timers.h: the inverted identifier above three bits, of which 4 says thread and 2 says scheduler's clock.
    public static long TimeOfThread(int id) => Read((~id << 3) | 6);

    /// <summary>Another process, all its threads; 0 once it has been collected.</summary>
    public static long TimeOfProcess(int id) => Read((~id << 3) | 2);

    /// <summary>The processors that this process might use when it started, by number.</summary>
    public static IReadOnlyList<int> Processors { get; } = [.. Enumerable.Range(0, MaskWords * 64).Where(number => (AllowedAtStart[number / 64] >> (number % 64) & 1) != 0)];

    /// <summary>Keeps the calling thread on one processor.</summary>
    public static void Bind(int processor)
    {
        ulong[] mask = new ulong[MaskWords];
        mask[processor / 64] = 1ul << (processor % 64);
        SetAffinity(mask);
    }

    /// <summary>For a thread that waits for instants and must not be late: it may run anywhere, whoever started it, and wakes to the microsecond.</summary>
    public static void BePunctual()
    {
        SetAffinity(AllowedAtStart);
        if (OperatingSystem.IsLinux())
        {
            _ = prctl(SetTimerSlack, 1000, 0, 0, 0);
        }
    }

    private static long Read(int clock)
    {
        if (!OperatingSystem.IsLinux())
        {
            return 0;
        }

        long* time = stackalloc long[2];

        // SAFETY: timespec is two longs on a 64-bit host, alive during the call.
        return clock_gettime(clock, time) == 0 ? (time[0] * 1_000_000_000) + time[1] : 0;
    }

    private static ulong[] Allowed()
    {
        ulong[] mask = new ulong[MaskWords];
        mask[0] = 1;
        if (OperatingSystem.IsLinux())
        {
            fixed (ulong* words = mask)
            {
                // SAFETY: the length is the array's; it stays pinned during the call.
                _ = sched_getaffinity(0, MaskWords * 8, words);
            }
        }

        return mask;
    }

    private static void SetAffinity(ulong[] mask)
    {
        if (OperatingSystem.IsLinux())
        {
            fixed (ulong* words = mask)
            {
                // SAFETY: as above. A host that refuses changes nothing but speed.
                _ = sched_setaffinity(0, MaskWords * 8, words);
            }
        }
    }

    [LibraryImport("libc")]
    private static partial int gettid();

    [LibraryImport("libc")]
    private static partial int sched_getcpu();

    [LibraryImport("libc")]
    private static partial int clock_gettime(int clock, long* time);

    [LibraryImport("libc")]
    private static partial int prctl(int option, nuint second, nuint third, nuint fourth, nuint fifth);

    [LibraryImport("libc")]
    private static partial int sched_getaffinity(int thread, nuint length, ulong* mask);

    [LibraryImport("libc")]
    private static partial int sched_setaffinity(int thread, nuint length, ulong* mask);
}
