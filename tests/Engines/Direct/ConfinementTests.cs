// Hostile code in a stub process: whatever it tries, the worst it gets is its own death.
using Iced.Intel;
using Runtime.Abi;
using Runtime.Engines.Direct;
using Runtime.Engines.Direct.Host;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace Tests.Engines.Direct;

[Collection(HostProcessorCollection.Name)]
public sealed class ConfinementTests
{
    /// <summary><c>DIFFERENTIAL_FACTOR</c> multiplies it for a long hunt.</summary>
    private static readonly int s_garbledRuns = 40 * int.Parse(Environment.GetEnvironmentVariable("DIFFERENTIAL_FACTOR") ?? "1", System.Globalization.CultureInfo.InvariantCulture);

    private const int LongModeCalls = 600, CompatibilityCalls = 500;

    /// <summary>A far jump to the host's 64-bit code segment, then every system call there is.</summary>
    [Fact]
    public void SystemCallsFromEscapedCodeNeverHappen()
    {
        using HostProcessor host = HostProcessor.Start();
        for (int number = 0; number <= LongModeCalls; number++)
        {
            MachineState end = Escape(host, number, a => a.syscall());
            // The host kernel answers uretprobe and uprobe ahead of any filter (kernel/seccomp.c), with SIGILL or an error to all but its own
            // trampolines.
            bool isProbe = number is 335 or 336;
            Assert.True(host.LastSignal == StubSignals.Sys || isProbe, $"system call {number} ended with signal {host.LastSignal}, {end.Ending}");
        }

        MustBeIntact(host);
    }

    [Fact]
    public void Int80NeverHappens()
    {
        using HostProcessor host = HostProcessor.Start();
        for (int number = 0; number <= CompatibilityCalls; number++)
        {
            var start = new MachineState();
            start.Gpr[0] = (uint)number;
            host.Run(start, [0xCD, 0x80, 0xF4]);
            Assert.True(host.LastSignal == StubSignals.Sys, $"int 80H with {number} ended with signal {host.LastSignal}");
        }

        MustBeIntact(host);
    }

    /// <summary>SYSENTER and SYSCALL of compatibility mode: what the processor has of them ends in the filter, the rest is undefined.</summary>
    [Theory]
    [InlineData(new byte[] { 0x0F, 0x34, 0xF4 })]
    [InlineData(new byte[] { 0x0F, 0x05, 0xF4 })]
    public void FastSystemCallsNeverHappen(byte[] code)
    {
        using HostProcessor host = HostProcessor.Start();
        for (uint number = 0; number < 64; number++)
        {
            var start = new MachineState();
            start.Gpr[0] = number;
            start.Gpr[4] = start.Gpr[5] = MachineState.StackMiddle;
            host.Run(start, code);
            Assert.True(host.LastSignal is StubSignals.Sys or StubSignals.Ill or StubSignals.Segv, $"{number} ended with signal {host.LastSignal}");
        }

        MustBeIntact(host);
    }

    /// <summary>Calls that the filter allows to the stub, tried from guest memory: the place they come from gives them away.</summary>
    [Theory]
    [InlineData(9)] // mmap
    [InlineData(10)] // mprotect
    [InlineData(11)] // munmap
    [InlineData(154)] // modify_ldt
    [InlineData(231)] // exit_group
    public void WhatTheStubMayDoItsGuestMayNot(int number)
    {
        using HostProcessor host = HostProcessor.Start();
        Escape(host, number, a => a.syscall());
        Assert.Equal(StubSignals.Sys, host.LastSignal);
        MustBeIntact(host);
    }

    /// <summary>Jumping to a SYSCALL instruction of the stub itself: the arguments are checked too.</summary>
    [Theory]
    [InlineData(11, StubLayout.CodeAddress, 4096ul, 0ul, 0ul)] // munmap of the stub
    [InlineData(9, StubLayout.ControlAddress, 4096ul, 7ul, 0x11ul)] // mmap over the control block
    [InlineData(9, 0x4000_0000ul, 4096ul, 7ul, 0x32ul)] // anonymous memory
    [InlineData(10, StubLayout.CodeAddress, 4096ul, 7ul, 0ul)] // mprotect of the stub
    [InlineData(2, 0ul, 0ul, 0ul, 0ul)] // open
    [InlineData(62, 1ul, 9ul, 0ul, 0ul)] // kill
    [InlineData(59, 0ul, 0ul, 0ul, 0ul)] // execve
    [InlineData(56, 0ul, 0ul, 0ul, 0ul)] // clone
    [InlineData(101, 0ul, 0ul, 0ul, 0ul)] // ptrace
    public void TheStubsOwnCallsAreLimited(int number, ulong first, ulong second, ulong third, ulong fourth)
    {
        using HostProcessor host = HostProcessor.Start();
        string before = host.Maps;
        long result = host.TryCall(number, first, second, third, fourth);
        // The handler treats a refusal in the stub's own code as the end of the hand-over; nothing must have happened.
        Assert.True(host.IsDead || host.LastSignal == StubSignals.Sys || result < 0, $"call {number} returned {result}");
        if (!host.IsDead)
        {
            Assert.Equal(before, host.Maps);
        }
    }

    [Fact]
    public void NothingIsMappedButStubControlAndRam()
    {
        using HostProcessor host = HostProcessor.Start();
        foreach (string line in host.Maps.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            ulong start = Convert.ToUInt64(line[..line.IndexOf('-', StringComparison.Ordinal)], 16);
            bool isGuest = start < 1ul << 32 && line.Contains("/memfd:", StringComparison.Ordinal);
            bool isStub = start >= StubLayout.CodeAddress && start < StubLayout.SignalStack + StubLayout.SignalStackSize;
            bool isTables = start == StubLayout.RamAddress && line.Contains(" r--s ", StringComparison.Ordinal) && line.Contains("/memfd:ram", StringComparison.Ordinal);
            bool isVsyscall = line.EndsWith("[vsyscall]", StringComparison.Ordinal);
            Assert.True(isGuest || isStub || isTables || isVsyscall, host.Maps);
        }
    }

    [Fact]
    public void ItHasNoCapabilitiesNoFilesAndAFilter()
    {
        using HostProcessor host = HostProcessor.Start();
        string[] status = File.ReadAllLines($"/proc/{host.Pid}/status");
        foreach (string set in new[] { "CapInh", "CapPrm", "CapEff", "CapAmb" })
        {
            Assert.Equal(0ul, Convert.ToUInt64(status.Single(line => line.StartsWith(set, StringComparison.Ordinal)).Split('\t')[1], 16));
        }

        Assert.Contains(status, line => line == "Seccomp:\t2");
        Assert.Contains(status, line => line == "NoNewPrivs:\t1");
        Assert.Equal(["0", "1"], Directory.GetFileSystemEntries($"/proc/{host.Pid}/fd").Select(path => Path.GetFileName(path)).Order());
    }

    /// <summary>Garbage in the window, where shims and the monitor meet.</summary>
    [Fact]
    public void AGarbledWindowNeverHarmsTheMonitor()
    {
        var random = new Random(7);
        for (int round = 0; round < s_garbledRuns; round++)
        {
            using DirectEngine engine = StartEngine();
            HostileGuest.GarbleWindow(engine, random);
        }
    }

    /// <summary>Garbage in the control block itself, from code that escaped and pretends to be the stub.</summary>
    [Fact]
    public void AGarbledControlBlockNeverHarmsTheMonitor()
    {
        var random = new Random(8);
        for (int round = 0; round < s_garbledRuns; round++)
        {
            // Where far jumps are left to the processor.
            using DirectEngine engine = StartEngine(ExecutionMode.Trap);
            HostileGuest.GarbleControl(engine, random);
        }
    }

    /// <summary>Each resumption there is a recursion of the monitor's.</summary>
    [Fact]
    public void AGuestThatNeverLeavesTheWindowDies()
    {
        using DirectEngine engine = StartEngine(ExecutionMode.Trap);
        HostileGuest.StayInGate(engine);
    }

    private static DirectEngine StartEngine(ExecutionMode mode = ExecutionMode.Para)
    {
        try
        {
            return new DirectEngine(mode, 4 << 20, Runtime.Engines.Interpreter.CpuModel.Default, new Runtime.Engines.ExitCounters());
        }
        catch (Exception refused) when (refused is HostCallException or PlatformNotSupportedException or DllNotFoundException)
        {
            Assert.Skip("the direct engine cannot run here: " + refused.Message);
            throw;
        }
    }

    private static MachineState Escape(HostProcessor host, int number, Action<Assembler> attempt)
    {
        // jmp 33H:here, and here is 64-bit code.
        const uint here = MachineState.Code + 7;
        var a = new Assembler(64);
        a.mov(eax, number);
        a.mov(rdi, StubLayout.CodeAddress);
        a.mov(esi, 4096);
        a.mov(edx, 7);
        a.mov(r10d, 0x32);
        a.mov(r8d, -1);
        a.xor(r9d, r9d);
        attempt(a);
        a.hlt();
        var stream = new MemoryStream();
        a.Assemble(new StreamCodeWriter(stream), here);
        byte[] code = [0xEA, .. BitConverter.GetBytes(here), 0x33, 0, .. stream.ToArray()];
        return host.Run(new MachineState(), code);
    }

    /// <summary>The process still does its work.</summary>
    private static void MustBeIntact(HostProcessor host)
    {
        var start = new MachineState();
        start.Gpr[0] = 41;
        Assert.Equal(42u, host.Run(start, [0x40, 0xF4]).Gpr[0]); // inc eax; hlt
    }
}
