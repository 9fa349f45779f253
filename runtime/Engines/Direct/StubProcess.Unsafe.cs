// One stub process: spawned, stripped, confined; then driven by handing over the turn word in its control block.
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
using Runtime.Engines.Direct.Host;

namespace Runtime.Engines.Direct;

/// <summary>What the host gave to a stub process.</summary>
/// <param name="KernelKey">Protection key of guest kernel pages; 0 without protection keys.</param>
/// <param name="ExecuteOnlyKey">Protection key that nobody may read through; 0 without protection keys.</param>
/// <param name="CpuidFaults">CPUID traps.</param>
internal readonly record struct StubFeatures(int KernelKey, int ExecuteOnlyKey, bool CpuidFaults)
{
    public bool HasProtectionKeys => ExecuteOnlyKey != 0;
}

/// <summary>
/// A process whose low 4 GiB are guest address space. All members are for the thread that created it (it is the thread whose end
/// kills the process), but for <see cref="Kick"/>.
/// </summary>
internal sealed unsafe class StubProcess : IDisposable
{
    /// <summary>Some 50 µs: most exits of a busy guest come sooner.</summary>
    private const int SpinsBeforeSleep = 2000;
    private const int SpinsBetweenLooks = 32;
    private const long AliveCheckNanoseconds = 100_000_000;

    private readonly byte* _control;
    private readonly ProcessorPlacement _placement;
    private int _placed;
    private int _queued;
    private bool _hasRun = true;
    private long _timeTaken;

    /// <summary>Starts and confines a stub process.</summary>
    /// <exception cref="HostCallException">The host refuses something that the direct engine cannot do without.</exception>
    public StubProcess(int slot, SharedFile control, SharedFile ram, ProcessorPlacement placement)
    {
        _placement = placement;
        Slot = slot;
        _control = control.Address + StubLayout.ControlFileOffset + ((long)slot * StubLayout.ControlSize);
        new Span<byte>(_control, StubLayout.ControlSize).Clear();
        StubCode code = StubEmitter.Assemble(slot, Environment.ProcessId);
        Code = code;
        int executable = LinuxHost.MemfdCreate("stub", 0);
        try
        {
            LinuxHost.Write(executable, StubElf.Wrap(code));
            Pid = LinuxHost.Spawn($"/proc/self/fd/{executable}", control.Descriptor, ram.Descriptor);
        }
        finally
        {
            LinuxHost.Close(executable);
        }

        try
        {
            Features = StubSetup.Confine(this, code, ram.Length);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public int Slot { get; }
    public int Pid { get; }

    /// <summary>The stub; all processes have the same code but for a few constants in it.</summary>
    public StubCode Code { get; }

    public StubFeatures Features { get; }

    /// <summary>Set when the process is gone: it was killed, or broke the filter's last rule.</summary>
    public bool IsDead { get; private set; }

    // SAFETY: the line is the first of the control block, whose mapping lives as long as the control file.
    public ref HandOverLine Line => ref *(HandOverLine*)_control;

    /// <summary>A dword of the control block, at an offset from <see cref="StubLayout"/>.</summary>
    // SAFETY: offsets are constants below ControlSize; the mapping lives as long as the control file.
    public ref uint Word(int offset) => ref *(uint*)(_control + offset);

    // SAFETY: as above.
    public ref ulong Quad(int offset) => ref *(ulong*)(_control + offset);

    // SAFETY: as above.
    public Span<byte> Bytes(int offset, int length) => new(_control + offset, length);

    /// <summary>Lists a system call for the stub to make at the next hand-over; the list is flushed when it is full.</summary>
    /// <returns>Its index, for <see cref="Result"/>.</returns>
    public int Queue(int number, ulong a = 0, ulong b = 0, ulong c = 0, ulong d = 0, ulong e = 0, ulong f = 0)
    {
        if (_queued == StubLayout.MaximumCommands)
        {
            Flush();
        }

        int at = StubLayout.Commands + (_queued * StubLayout.CommandSize);
        Quad(at) = (ulong)number;
        Quad(at + 8) = a;
        Quad(at + 16) = b;
        Quad(at + 24) = c;
        Quad(at + 32) = d;
        Quad(at + 40) = e;
        Quad(at + 48) = f;
        return _queued++;
    }

    /// <summary>Result of a listed call after <see cref="Flush"/>: negative errno on failure.</summary>
    public long Result(int index) => (long)Quad(StubLayout.Commands + (index * StubLayout.CommandSize) + 56);

    /// <summary>Makes the listed calls now.</summary>
    public void Flush()
    {
        if (_queued > 0)
        {
            HandOver(0);
        }
    }

    /// <summary>Makes one call and returns its result; calls listed before are made first.</summary>
    public long Call(int number, ulong a = 0, ulong b = 0, ulong c = 0, ulong d = 0, ulong e = 0, ulong f = 0)
    {
        Flush();
        int index = Queue(number, a, b, c, d, e, f);
        Flush();
        return Result(index);
    }

    /// <summary>Brings the guest's FPU registers into the control block.</summary>
    public void SaveFpu()
    {
        if (Word(StubLayout.FpuInMemory) == 0)
        {
            HandOver(StubLayout.OperationSaveFpu);
        }
    }

    /// <summary>Sends the process to sleep because another one runs next, with the FPU registers in the control block.</summary>
    public void Park() => HandOver(StubLayout.OperationSaveFpu | StubLayout.OperationPark);

    /// <summary>Makes the listed calls, enters the guest, and returns at its next exit.</summary>
    public void Run()
    {
        _placement.Apply(Pid, ref _placed);
        if (!_placement.WantsSample())
        {
            HandOver(StubLayout.OperationRun);
            return;
        }

        long given = _placement.Now;
        HandOver(StubLayout.OperationRun | StubLayout.OperationObserve);
        // The stub's side of the account is a hint: a hostile one spoils only its own speed.
        _placement.Record(_placement.Now - (long)Quad(StubLayout.TurnGiven) + (long)Quad(StubLayout.TurnSeen) - given);
    }

    /// <summary>Makes a guest that runs in this process exit soon. Any thread.</summary>
    public void Kick()
    {
        if (!IsDead)
        {
            LinuxHost.Signal(Pid, StubSignals.Kick);
        }
    }

    /// <summary>Processor time that the process has used since this was last asked, in nanoseconds. Cheap when it has not run.</summary>
    public long TakeProcessorTime()
    {
        if (!_hasRun || IsDead)
        {
            return 0;
        }

        _hasRun = false;
        long before = _timeTaken;
        _timeTaken = Math.Max(before, Time.HostThread.TimeOfProcess(Pid));
        return _timeTaken - before;
    }

    public void Dispose()
    {
        if (!IsDead)
        {
            IsDead = true;
            LinuxHost.KillAndReap(Pid);
        }
    }

    private void HandOver(int operation)
    {
        if (IsDead)
        {
            return;
        }

        _hasRun = true;
        uint processor = LinuxHost.CurrentProcessor();
        ref HandOverLine line = ref Line;
        Change(StubLayout.MonitorProcessor, processor);
        line.Operation = (uint)operation | (uint)_queued << StubLayout.CommandCountShift;
        // A full barrier: the sleeper's flag is read after the turn is given.
        Interlocked.Exchange(ref line.Turn, StubLayout.TurnStub);
        if (Volatile.Read(ref Word(StubLayout.StubSleeps)) != 0)
        {
            LinuxHost.Wake((int*)(_control + StubLayout.Turn));
        }

        // Where both share a processor the stub cannot run while we spin.
        if (processor == Volatile.Read(ref Word(StubLayout.StubProcessor)) || !TrySpin(ref line.Turn))
        {
            SleepForTurn((int*)(_control + StubLayout.Turn));
        }

        _queued = 0;
        Change(StubLayout.KickPending, 0);
    }

    /// <summary>Writes a word that seldom changes: one that both sides only read costs nobody anything.</summary>
    private void Change(int offset, uint value)
    {
        ref uint word = ref Word(offset);
        if (word != value)
        {
            word = value;
        }
    }

    private bool TrySpin(ref int turn)
    {
        for (int i = 1; i <= SpinsBeforeSleep; i++)
        {
            if (Volatile.Read(ref turn) == StubLayout.TurnMonitor)
            {
                return true;
            }

            if (i % SpinsBetweenLooks == 0 && LinuxHost.CurrentProcessor() == Volatile.Read(ref Word(StubLayout.StubProcessor)))
            {
                return false;
            }

            X86Base.Pause();
        }

        return false;
    }

    private void SleepForTurn(int* turn)
    {
        ref int sleeps = ref Unsafe.As<uint, int>(ref Word(StubLayout.MonitorSleeps));
        Interlocked.Exchange(ref sleeps, 1);
        while (true)
        {
            int now = Volatile.Read(ref *turn);
            if (now == StubLayout.TurnMonitor)
            {
                break;
            }

            LinuxHost.Wait(turn, now, AliveCheckNanoseconds);
            if (Volatile.Read(ref *turn) != StubLayout.TurnMonitor && LinuxHost.TryReap(Pid, out _))
            {
                IsDead = true;
                break;
            }
        }

        Volatile.Write(ref sleeps, 0);
    }
}
