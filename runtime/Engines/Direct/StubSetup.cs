// What is done to a stub process before guest code may run in it: signals, limits, features, everything taken away, the filter last.
using System.Globalization;
using System.Runtime.InteropServices;
using Runtime.Engines.Direct.Host;

namespace Runtime.Engines.Direct;

internal static class StubSetup
{
    // System calls (arch/x86/entry/syscalls/syscall_64.tbl), made before the filter is in force.
    private const int SysMmap = 9, SysMunmap = 11, SysSigaction = 13, SysSigprocmask = 14, SysCapset = 126, SysSigaltstack = 131, SysModifyLdt = 154, SysPrctl = 157, SysArchPrctl = 158;
    private const int SysPrlimit = 302, SysSeccomp = 317, SysPkeyMprotect = 329, SysPkeyAlloc = 330, SysCloseRange = 436;

    private const ulong SaSiginfo = 4, SaRestorer = 0x0400_0000, SaOnstack = 0x0800_0000, SaNodefer = 0x4000_0000;
    private const ulong ArchSetCpuid = 0x1012, PrSetNoNewPrivs = 38, SetModeFilter = 1, FilterSpecAllow = 4;
    private const ulong RlimitData = 2, RlimitCore = 4;
    private const uint CapabilityVersion3 = 0x2008_0522;

    /// <summary>Prepares and confines a fresh stub process.</summary>
    /// <exception cref="HostCallException">A step without which guest code must not run failed.</exception>
    /// <param name="ramLength">Of the file with the guest's RAM, in bytes.</param>
    public static StubFeatures Confine(StubProcess stub, StubCode code, long ramLength)
    {
        var steps = new Steps(stub);
        steps.Add("prctl(PR_SET_NO_NEW_PRIVS)", SysPrctl, PrSetNoNewPrivs, 1);
        // posix_spawn returns as soon as the child has a new address space, before the kernel has filled it. What is mapped in it is
        // known once the stub itself answers.
        steps.Run();
        steps.Add("close_range", SysCloseRange, 2, uint.MaxValue);
        // capset: no capability, whoever started us. Header, then two empty sets.
        steps.Add("capset", SysCapset, steps.Put(CapabilityVersion3), steps.Put(0, 0, 0));
        // Neither core dumps nor private writable memory beyond what the stub has.
        steps.Add("prlimit(RLIMIT_CORE)", SysPrlimit, 0, RlimitCore, steps.Put(0, 0));
        steps.Add("prlimit(RLIMIT_DATA)", SysPrlimit, 0, RlimitData, steps.Put(1 << 20, 1 << 20));
        // stack_t: ss_sp, ss_flags, ss_size.
        steps.Add("sigaltstack", SysSigaltstack, steps.Put(StubLayout.SignalStack, 0, StubLayout.SignalStackSize));
        // struct sigaction of the kernel: handler, flags, restorer, mask.
        ulong action = steps.Put(code.SignalHandler, SaSiginfo | SaRestorer | SaOnstack | SaNodefer, code.SignalReturn, 0);
        foreach (int signal in StubSignals.All)
        {
            steps.Add("rt_sigaction", SysSigaction, (ulong)signal, action, 0, 8);
        }

        steps.Add("rt_sigprocmask", SysSigprocmask, 2, steps.Put(0), 0, 8);
        foreach ((ulong start, ulong length) in ForeignMappings(stub.Pid))
        {
            steps.Add("munmap", SysMunmap, start, length);
        }

        int kernelKey = steps.Try(SysPkeyAlloc), executeKey = steps.Try(SysPkeyAlloc), cpuid = steps.Try(SysArchPrctl, ArchSetCpuid, 0);
        // Reads the empty table: a kernel without CONFIG_MODIFY_LDT_SYSCALL says so now.
        steps.Add("modify_ldt", SysModifyLdt, 0, steps.Put(0), 8);
        steps.Run();
        bool keys = stub.Result(kernelKey) > 0 && stub.Result(executeKey) > 0;
        var features = new StubFeatures(keys ? (int)stub.Result(kernelKey) : 0, keys ? (int)stub.Result(executeKey) : 0, stub.Result(cpuid) == 0);
        if (keys)
        {
            // PROT_READ, MAP_SHARED | MAP_FIXED.
            steps.Add("mmap", SysMmap, StubLayout.RamAddress, (ulong)ramLength, 1, 0x11, StubLayout.RamFd);
            steps.Add("pkey_mprotect", SysPkeyMprotect, StubLayout.RamAddress, (ulong)ramLength, 1, (ulong)features.KernelKey);
        }

        byte[] filter = SeccompFilter.Build();
        // struct sock_fprog: length, pointer.
        ulong program = steps.Put(filter);
        steps.Add("seccomp", SysSeccomp, SetModeFilter, FilterSpecAllow, steps.Put((ulong)(filter.Length / 8), program));
        steps.Run();

        stub.Word(StubLayout.HasPkru) = keys ? 1u : 0u;
        return features;
    }

    /// <summary>What the kernel mapped into the process besides the stub: its first stack, the vDSO.</summary>
    private static List<(ulong Start, ulong Length)> ForeignMappings(int pid)
    {
        var foreign = new List<(ulong, ulong)>();
        foreach (string line in File.ReadLines($"/proc/{pid}/maps"))
        {
            int dash = line.IndexOf('-', StringComparison.Ordinal);
            ulong start = ulong.Parse(line.AsSpan(0, dash), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            ulong end = ulong.Parse(line.AsSpan(dash + 1, line.IndexOf(' ', StringComparison.Ordinal) - dash - 1), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            bool isOurs = start >= StubLayout.CodeAddress && end <= StubLayout.SignalStack + StubLayout.SignalStackSize;
            bool isKernelHalf = (long)start < 0; // the vsyscall page
            if (!isOurs && !isKernelHalf)
            {
                foreign.Add((start, end - start));
            }
        }

        return foreign;
    }

    /// <summary>System calls listed together, with what their pointers point at.</summary>
    private sealed class Steps(StubProcess stub)
    {
        private readonly List<(int Index, string Name)> _required = [];
        private int _used;

        /// <summary>Puts words where the process can see them.</summary>
        /// <returns>Their address in the process.</returns>
        public ulong Put(params ReadOnlySpan<ulong> words) => Put(MemoryMarshal.AsBytes(words));

        public ulong Put(ReadOnlySpan<byte> bytes)
        {
            int at = StubLayout.Scratch + _used;
            _used += (bytes.Length + 7) & ~7;
            bytes.CopyTo(stub.Bytes(at, bytes.Length));
            return StubLayout.ControlAddress + (ulong)at;
        }

        /// <summary>A call that must succeed.</summary>
        public void Add(string name, int number, ulong a = 0, ulong b = 0, ulong c = 0, ulong d = 0, ulong e = 0)
            => _required.Add((stub.Queue(number, a, b, c, d, e), name));

        /// <summary>A call that may fail.</summary>
        public int Try(int number, ulong a = 0, ulong b = 0) => stub.Queue(number, a, b);

        /// <exception cref="HostCallException">One that must succeed failed, or the process died of it.</exception>
        public void Run()
        {
            stub.Flush();
            if (stub.IsDead)
            {
                throw new HostCallException("setting up the stub process, which died", 0);
            }

            foreach ((int index, string name) in _required)
            {
                if (stub.Result(index) < 0)
                {
                    throw new HostCallException($"{name} in the stub process", (int)-stub.Result(index));
                }
            }

            _required.Clear();
        }
    }
}
