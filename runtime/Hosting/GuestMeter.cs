// Puts together what was used for a guest: its thread by the thread's clock, its processes by theirs, devices by the exits that reached
// them. Processor time is measured by the host's kernel, so that the sum of accounts is what the kernel says; the exits only divide it.
using System.Diagnostics;
using Runtime.Accounts;
using Runtime.Engines;
using Runtime.Time;

namespace Runtime.Hosting;

/// <summary>For the thread of the guest's virtual processor, which runs nothing else.</summary>
internal sealed class GuestMeter(IExecutionEngine engine, ExitCounters counters) : ICpuMeter
{
    /// <summary>A millisecond.</summary>
    private static readonly long s_patience = Stopwatch.Frequency / 1000;

    private readonly ExitCounter _reads = counters.Open(nameof(VmExitReason.PortRead));
    private readonly ExitCounter _writes = counters.Open(nameof(VmExitReason.PortWrite));
    private long _thread;
    private long _exits;
    private long _forDevices;
    private long _forGuest;
    private long _processes;
    private long _others;
    private long _othersReadAt = long.MinValue / 2;

    /// <summary>Time of the machine's other threads: they serve its devices. Asked once in a while, for each is a system call.</summary>
    public Func<long> OtherThreads { get; set; } = () => 0;

    /// <summary>Processor time of the guest's own processes, when it was last read. Any thread.</summary>
    public long ProcessNanoseconds => Interlocked.Read(ref _processes);

    public CpuReading Read()
    {
        long thread = HostThread.TimeOfCaller(), exits = _reads.Nanoseconds + _writes.Nanoseconds;
        // Exits are timed by the wall clock, in part by samples: what the thread really used bounds them.
        long used = thread - _thread, inDevices = Math.Clamp(exits - _exits, 0, used);
        (_thread, _exits) = (thread, exits);
        _forDevices += inDevices;
        _forGuest += used - inDevices;
        long now = Stopwatch.GetTimestamp();
        if (now - _othersReadAt >= s_patience)
        {
            (_others, _othersReadAt) = (OtherThreads(), now);
        }

        // Without processes of its own the interpreter on this thread is the guest's processor.
        EngineTime? processes = engine.ReadTime();
        Interlocked.Exchange(ref _processes, processes is { } both ? both.Guest + both.Mapping : 0);
        return processes is EngineTime time
            ? new CpuReading(time.Guest, _forGuest + time.Mapping, _forDevices, _others)
            : new CpuReading(_forGuest, 0, _forDevices, _others);
    }
}
