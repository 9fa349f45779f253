// What is done to a stub process before guest code may run in it: signals, limits, features, everything taken away, the filter last.
using System.Globalization;
using Runtime.Engines.Direct.Host;

namespace Runtime.Engines.Direct;

internal static class StubSetup
{
    // System calls (arch/x86/entry/syscalls/syscall_64.tbl), made before the filter is in force.
    private const int SysMunmap = 11, SysSigaction = 13, SysSigprocmask = 14, SysCapset = 126, SysSigaltstack = 131, SysPrctl = 157, SysArchPrctl = 158;
    private const int SysPrlimit = 302, SysSeccomp = 317, SysPkeyAlloc = 330, SysCloseRange = 436;

    private const ulong SaSiginfo = 4, SaRestorer = 0x0400_0000, SaOnstack = 0x0800_0000, SaNodefer = 0x4000_0000;
    private const ulong ArchSetCpuid = 0x1012, PrSetNoNewPrivs = 38, SetModeFilter = 1, FilterSpecAllow = 4;
    private const ulong RlimitData = 2, RlimitCore = 4;
    private const uint CapabilityVersion3 = 0x2008_0522;

    /// <summary>Prepares and confines a fresh stub process.</summary>
    /// <exception cref="HostCallException">A step without which guest code must not run failed.</exception>
    public static StubFeatures Confine(StubProcess stub, StubCode code)
    {
        int scratch = StubLayout.Scratch;
        ulong scratchAddress = StubLayout.ControlAddress + (ulong)scratch;

        Require(stub, "prctl(PR_SET_NO_NEW_PRIVS)", SysPrctl, PrSetNoNewPrivs, 1);
        Require(stub, "close_range", SysCloseRange, 2, uint.MaxValue);
        // capset: no capability, whoever started us.
        stub.Bytes(scratch, 64).Clear();
        stub.Word(scratch) = CapabilityVersion3;
        Require(stub, "capset", SysCapset, scratchAddress, scratchAddress + 16);
        // Neither core dumps nor private writable memory beyond what the stub has.
        stub.Bytes(scratch, 32).Clear();
        Require(stub, "prlimit(RLIMIT_CORE)", SysPrlimit, 0, RlimitCore, scratchAddress);
        stub.Quad(scratch) = stub.Quad(scratch + 8) = 1 << 20;
        Require(stub, "prlimit(RLIMIT_DATA)", SysPrlimit, 0, RlimitData, scratchAddress);

        // stack_t: ss_sp, ss_flags, ss_size.
        stub.Quad(scratch) = StubLayout.SignalStack;
        stub.Quad(scratch + 8) = 0;
        stub.Quad(scratch + 16) = StubLayout.SignalStackSize;
        Require(stub, "sigaltstack", SysSigaltstack, scratchAddress);
        // struct sigaction of the kernel: handler, flags, restorer, mask.
        stub.Quad(scratch) = code.SignalHandler;
        stub.Quad(scratch + 8) = SaSiginfo | SaRestorer | SaOnstack | SaNodefer;
        stub.Quad(scratch + 16) = code.SignalReturn;
        stub.Quad(scratch + 24) = 0;
        foreach (int signal in StubSignals.All)
        {
            Require(stub, "rt_sigaction", SysSigaction, (ulong)signal, scratchAddress, 0, 8);
        }

        Require(stub, "rt_sigprocmask", SysSigprocmask, 2, scratchAddress + 24, 0, 8);

        long kernelKey = stub.Call(SysPkeyAlloc);
        long executeKey = stub.Call(SysPkeyAlloc);
        bool keys = kernelKey > 0 && executeKey > 0;
        stub.Word(StubLayout.HasPkru) = keys ? 1u : 0u;
        bool cpuidFaults = stub.Call(SysArchPrctl, ArchSetCpuid, 0) == 0;

        foreach ((ulong start, ulong length) in ForeignMappings(stub.Pid))
        {
            Require(stub, "munmap", SysMunmap, start, length);
        }

        byte[] filter = SeccompFilter.Build();
        // struct sock_fprog: length, pointer; the program behind it.
        stub.Quad(scratch) = (ulong)(filter.Length / 8);
        stub.Quad(scratch + 8) = scratchAddress + 16;
        filter.CopyTo(stub.Bytes(scratch + 16, filter.Length));
        Require(stub, "seccomp", SysSeccomp, SetModeFilter, FilterSpecAllow, scratchAddress);
        return new StubFeatures(keys ? (int)kernelKey : 0, keys ? (int)executeKey : 0, cpuidFaults);
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

    private static void Require(StubProcess stub, string name, int number, ulong a = 0, ulong b = 0, ulong c = 0, ulong d = 0)
    {
        long result = stub.Call(number, a, b, c, d);
        if (stub.IsDead)
        {
            throw new HostCallException($"{name} in a stub process that died", 0);
        }

        if (result < 0)
        {
            throw new HostCallException($"{name} in the stub process", (int)-result);
        }
    }
}
