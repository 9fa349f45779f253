// The host system calls that the monitor makes, as glibc offers them. Every failure becomes an exception that names the call and errno.
using System.Runtime.InteropServices;

namespace Runtime.Engines.Direct.Host;

/// <summary>A host system call failed: our defect or a host that lacks something.</summary>
public sealed class HostCallException(string call, int errno) : Exception($"{call} failed: {Marshal.GetPInvokeErrorMessage(errno)} (errno {errno})")
{
    public int Errno { get; } = errno;
}

/// <summary>The host works, and yet lacks something that direct execution cannot do without.</summary>
/// <param name="what">One line.</param>
public sealed class HostLacksException(string what) : Exception(what);

internal static unsafe partial class LinuxHost
{
    public const int ProtNone = 0, ProtRead = 1, ProtWrite = 2, ProtExec = 4;
    public const int MapShared = 1, MapFixed = 0x10, MapPopulate = 0x8000;
    private const int SysFutex = 202, FutexWait = 0, FutexWake = 1;
    private const int Sigkill = 9;
    private const uint MfdCloexec = 1;

    public static int MemfdCreate(string name, long length)
    {
        int fd = Check(memfd_create(name, MfdCloexec), "memfd_create");
        Check(ftruncate(fd, length), "ftruncate");
        return fd;
    }

    public static byte* Map(int fd, long offset, long length)
    {
        nint address = mmap(0, (nuint)length, ProtRead | ProtWrite, MapShared, fd, offset);
        return address == -1 ? throw new HostCallException("mmap", Marshal.GetLastPInvokeError()) : (byte*)address;
    }

    /// <summary>A page of machine code in the monitor itself: written first, executable afterwards, never both.</summary>
    public static byte* MapCode(ReadOnlySpan<byte> code)
    {
        const int mapPrivateAnonymous = 0x22;
        nint address = mmap(0, 4096, ProtRead | ProtWrite, mapPrivateAnonymous, -1, 0);
        if (address == -1)
        {
            throw new HostCallException("mmap", Marshal.GetLastPInvokeError());
        }

        // SAFETY: the page was just mapped and is larger than the code.
        code.CopyTo(new Span<byte>((byte*)address, 4096));
        Check(mprotect(address, 4096, ProtRead | ProtExec), "mprotect");
        return (byte*)address;
    }

    public static void Unmap(byte* address, long length) => Check(munmap((nint)address, (nuint)length), "munmap");

    /// <summary>What the host holds for a file: st_blocks of fstat(2), which counts 512 bytes each.</summary>
    public static long AllocatedBytes(int fd)
    {
        const int statSize = 144, blocksAt = 64; // struct stat of x86-64
        byte* stat = stackalloc byte[statSize];

        // SAFETY: the buffer is as large as the structure that the C library fills.
        return fstat(fd, stat) < 0 ? 0 : *(long*)(stat + blocksAt) * 512;
    }

    public static void Close(int fd) => Check(close(fd), "close");

    public static void Write(int fd, ReadOnlySpan<byte> bytes)
    {
        fixed (byte* start = bytes)
        {
            // SAFETY: the span stays pinned during the call.
            Check((int)write(fd, start, (nuint)bytes.Length), "write");
        }
    }

    /// <summary>Starts a program with the given files as its descriptors 0 and 1, none as 2, and an empty environment.</summary>
    public static int Spawn(string path, int first, int second)
    {
        // SAFETY: posix_spawn_file_actions_t is 80 bytes in glibc and musl; 256 leave room.
        byte* actions = stackalloc byte[256];
        CheckReturned(posix_spawn_file_actions_init(actions), "posix_spawn_file_actions_init");
        try
        {
            CheckReturned(posix_spawn_file_actions_adddup2(actions, first, 0), "posix_spawn_file_actions_adddup2");
            CheckReturned(posix_spawn_file_actions_adddup2(actions, second, 1), "posix_spawn_file_actions_adddup2");
            byte* name = stackalloc byte[] { (byte)'s', (byte)'t', (byte)'u', (byte)'b', 0 };
            byte** arguments = stackalloc byte*[] { name, null };
            byte** environment = stackalloc byte*[] { null };
            CheckReturned(posix_spawn(out int pid, path, actions, 0, arguments, environment), "posix_spawn");
            return pid;
        }
        finally
        {
            posix_spawn_file_actions_destroy(actions);
        }
    }

    public static void Signal(int pid, int signal) => Check(kill(pid, signal), "kill");

    /// <summary>Ends a child and collects it. It may have ended before.</summary>
    public static void KillAndReap(int pid)
    {
        _ = kill(pid, Sigkill);
        while (waitpid(pid, out _, 0) < 0 && Marshal.GetLastPInvokeError() == 4)
        {
        }
    }

    /// <summary>Whether a child has ended, and with what wait status.</summary>
    public static bool TryReap(int pid, out int status) => waitpid(pid, out status, 1) == pid;

    /// <summary>Sleeps while the word has the value, at most so long; spurious returns are possible.</summary>
    public static void Wait(int* word, int value, long nanoseconds)
    {
        // SAFETY: timespec is two longs, alive during the call.
        long* timeout = stackalloc long[2];
        timeout[0] = nanoseconds / 1_000_000_000;
        timeout[1] = nanoseconds % 1_000_000_000;
        _ = syscall(SysFutex, word, FutexWait, value, timeout, 0, 0);
    }

    public static void Wake(int* word) => _ = syscall(SysFutex, word, FutexWake, 1, null, 0, 0);

    /// <summary>The processors that a thread may run on, one bit each.</summary>
    /// <param name="thread">0 for the calling one.</param>
    public static ulong[] Affinity(int thread)
    {
        ulong[] mask = new ulong[16];
        fixed (ulong* words = mask)
        {
            // SAFETY: the length is the array's; it stays pinned during the call.
            Check(sched_getaffinity(thread, (nuint)(mask.Length * 8), words), "sched_getaffinity");
        }

        return mask;
    }

    /// <summary>Says which processors a thread may run on. A wish: a host that refuses it changes nothing but speed.</summary>
    public static void SetAffinity(int thread, ulong[] mask)
    {
        fixed (ulong* words = mask)
        {
            // SAFETY: as above.
            _ = sched_setaffinity(thread, (nuint)(mask.Length * 8), words);
        }
    }

    /// <summary>The processor that the calling thread runs on now.</summary>
    public static uint CurrentProcessor() => (uint)sched_getcpu();

    private static int Check(int result, string call) => result < 0 ? throw new HostCallException(call, Marshal.GetLastPInvokeError()) : result;

    private static void CheckReturned(int errno, string call)
    {
        if (errno != 0)
        {
            throw new HostCallException(call, errno);
        }
    }

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int memfd_create(string name, uint flags);

    [LibraryImport("libc")]
    private static partial int fstat(int fd, byte* stat);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int ftruncate(int fd, long length);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint mmap(nint address, nuint length, int protection, int flags, int fd, long offset);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int mprotect(nint address, nuint length, int protection);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int munmap(nint address, nuint length);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int close(int fd);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint write(int fd, byte* buffer, nuint count);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int kill(int pid, int signal);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int waitpid(int pid, out int status, int options);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint syscall(nint number, int* word, int operation, int value, long* timeout, nint word2, int value3);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int sched_getaffinity(int thread, nuint length, ulong* mask);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int sched_setaffinity(int thread, nuint length, ulong* mask);

    [LibraryImport("libc")]
    [SuppressGCTransition]
    private static partial int sched_getcpu();

    [LibraryImport("libc")]
    private static partial int posix_spawn_file_actions_init(byte* actions);

    [LibraryImport("libc")]
    private static partial int posix_spawn_file_actions_adddup2(byte* actions, int fd, int target);

    [LibraryImport("libc")]
    private static partial int posix_spawn_file_actions_destroy(byte* actions);

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int posix_spawn(out int pid, string path, byte* actions, nint attributes, byte** arguments, byte** environment);
}
