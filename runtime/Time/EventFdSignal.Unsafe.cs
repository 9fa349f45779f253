// The Linux wake signal: .NET's own waits are in whole milliseconds, too coarse for a guest timer at 1 kHz.
using System.ComponentModel;
using System.Runtime.InteropServices;

namespace Runtime.Time;

/// <summary>eventfd(2) to wake, ppoll(2) to sleep with nanoseconds.</summary>
internal sealed unsafe partial class EventFdSignal : IWakeSignal
{
    private const int CloseOnExec = 0x80000;
    private const int NonBlocking = 0x800;
    private const short PollIn = 1;
    private const int InterruptedCall = 4;
    private const long NanosecondsPerSecond = 1_000_000_000;

    private readonly int _descriptor;

    /// <exception cref="Win32Exception">The host has no descriptor left.</exception>
    public EventFdSignal()
    {
        _descriptor = EventFd(0, CloseOnExec | NonBlocking);
        if (_descriptor < 0)
        {
            throw new Win32Exception(Marshal.GetLastPInvokeError(), "eventfd: " + Marshal.GetLastPInvokeErrorMessage());
        }
    }

    public void Set()
    {
        ulong one = 1;

        // SAFETY: the kernel reads the 8 bytes of a local. A full counter (EAGAIN) is a signal that is set already.
        Write(_descriptor, &one, sizeof(ulong));
    }

    public void Wait(long nanoseconds)
    {
        if (nanoseconds <= 0)
        {
            return;
        }

        PollEntry entry = new() { Descriptor = _descriptor, Events = PollIn };
        TimeSpec timeout = new() { Seconds = nanoseconds / NanosecondsPerSecond, Nanoseconds = nanoseconds % NanosecondsPerSecond };

        // SAFETY: both structures are locals and live through the call; a null timeout means forever, a null mask changes nothing.
        int ready = PPoll(&entry, 1, nanoseconds == DeadlineQueue.Never ? null : &timeout, null, 0);
        if (ready < 0 && Marshal.GetLastPInvokeError() != InterruptedCall)
        {
            throw new Win32Exception(Marshal.GetLastPInvokeError(), "ppoll: " + Marshal.GetLastPInvokeErrorMessage());
        }

        if (ready > 0)
        {
            ulong count;

            // SAFETY: the kernel writes the 8 bytes of a local.
            Read(_descriptor, &count, sizeof(ulong));
        }
    }

    public void Dispose() => Close(_descriptor);

    [LibraryImport("libc", EntryPoint = "eventfd", SetLastError = true)]
    private static partial int EventFd(uint initial, int flags);

    [LibraryImport("libc", EntryPoint = "ppoll", SetLastError = true)]
    private static partial int PPoll(PollEntry* entries, nuint count, TimeSpec* timeout, void* signalMask, nuint maskSize);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    private static partial nint Read(int descriptor, void* buffer, nuint count);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static partial nint Write(int descriptor, void* buffer, nuint count);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);

    /// <summary><c>struct pollfd</c> of poll(2).</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct PollEntry
    {
        public int Descriptor;
        public short Events;
        public short ReturnedEvents;
    }

    /// <summary><c>struct timespec</c> of a 64-bit host.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct TimeSpec
    {
        public long Seconds;
        public long Nanoseconds;
    }
}
