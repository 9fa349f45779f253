// Runs a guest program on one engine and keeps its log.
using Runtime.Abi;
using Runtime.Engines;
using Runtime.Engines.Direct;
using Runtime.Engines.Direct.Host;
using Runtime.Engines.Interpreter;
using Runtime.Engines.Patched;
using Runtime.Memory;
using Xunit;

namespace Tests.Engines.Conformance;

/// <summary>One run. The log has a line per trap (<c>#VECTOR error E at EIP [address CR2]</c>), per value, and for how it ended.</summary>
internal sealed class GuestRun : IDisposable
{
    private const int MaximumLog = 10_000;

    private readonly List<string> _log = [];
    private readonly uint[] _trap = new uint[4];
    private int _endVector = -1;
    private int _endTimes;

    public GuestRun(string engine, GuestProgram program)
    {
        (Engine, Memory) = Create(engine, Counters);
        program.Load(Memory, Engine.State);
    }

    /// <summary>The engines that every conformance test runs on, and what is theirs to call them.</summary>
    public static TheoryData<string> Engines => new("interpreter", "direct full", "direct para");

    public IExecutionEngine Engine { get; }

    /// <summary>The exits that the engine settled itself.</summary>
    public ExitCounters Counters { get; } = new();

    public GuestMemory Memory { get; }

    public IReadOnlyList<string> Log => _log;

    /// <summary>What the guest posted, see <see cref="PostedWrites"/>.</summary>
    public List<PortWrite> Posted { get; } = [];

    /// <summary>How many interrupts are to be delivered as soon as the guest takes them.</summary>
    public int PendingInterrupts { get; set; }

    public int DeliveredInterrupts { get; private set; }

    /// <summary>Called at each <see cref="VmExitReason.Kicked"/>.</summary>
    public Action? Kicked { get; set; }

    /// <summary>Whether interrupts are delivered without a line in the log.</summary>
    public bool IsSilent { get; set; }

    /// <summary>Runs a program to its end and compares its log.</summary>
    public static void MustLog(string engine, GuestProgram program, Func<IEnumerable<string>> expected)
    {
        using var run = new GuestRun(engine, program);
        run.ToEnd();
        Assert.Equal([.. expected(), "end"], run.Log);
    }

    public void ToEnd()
    {
        // A guest that never leaves is called back.
        var limit = System.Diagnostics.Stopwatch.StartNew();
        using var watchdog = new Timer(_ => Engine.Kick(), null, TimeSpan.FromSeconds(60), TimeSpan.FromSeconds(1));
        while (_log.Count < MaximumLog && limit.Elapsed < TimeSpan.FromSeconds(60))
        {
            VmExit exit = Engine.Run(PendingInterrupts > 0);
            if (Engine.Posted is PostedWrites posted)
            {
                Posted.AddRange(posted.Pending);
                posted.Clear();
            }

            switch (exit.Reason)
            {
                case VmExitReason.PortWrite when exit.Port == GuestProgram.EndPort:
                    _log.Add("end");
                    return;
                case VmExitReason.PortWrite:
                    Write(exit.Port, exit.Value);
                    if (exit.Port == GuestProgram.TrapPort + 3 && _trap[0] == _endVector && --_endTimes == 0)
                    {
                        return;
                    }

                    break;
                case VmExitReason.PortRead:
                    Engine.CompletePortRead(0x5A5A5A5A);
                    break;
                case VmExitReason.InterruptWindow:
                    PendingInterrupts--;
                    DeliveredInterrupts++;
                    Engine.Interrupt(GuestProgram.InterruptVector);
                    break;
                case VmExitReason.Kicked:
                    Kicked?.Invoke();
                    break;
                default:
                    _log.Add($"{exit.Reason} {exit.Detail}");
                    return;
            }
        }

        _log.Add($"no end in sight: {Engine.State}");
    }

    /// <summary>As <see cref="ToEnd"/>, while another thread kicks without a pause.</summary>
    public void UnderKicks()
    {
        bool over = false;
        var kicker = new Thread(() =>
        {
            while (!Volatile.Read(ref over))
            {
                Engine.Kick();
                Thread.SpinWait(500);
            }
        });
        kicker.Start();
        ToEnd();
        Volatile.Write(ref over, true);
        kicker.Join();
    }

    /// <summary>Runs until a vector was trapped to so many times: for user mode, which has no port to end by.</summary>
    public void ToEndAtTrap(int vector, int times)
    {
        (_endVector, _endTimes) = (vector, times);
        ToEnd();
    }

    public void Dispose()
    {
        Engine.Dispose();
        Memory.Dispose();
    }

    private static (IExecutionEngine Engine, GuestMemory Memory) Create(string engine, ExitCounters counters)
    {
        if (engine == "interpreter")
        {
            var memory = new GuestMemory(GuestProgram.MemoryBytes);
            return (new InterpreterEngine(new VcpuState(), memory), memory);
        }

        if (engine == "interpreter para")
        {
            var memory = new GuestMemory(GuestProgram.MemoryBytes);
            return (new PatchedInterpreter(memory, new ExitCounters(), null), memory);
        }

        ExecutionMode mode = engine == "direct para" ? ExecutionMode.Para : ExecutionMode.Full;
        try
        {
            var direct = new DirectEngine(mode, GuestProgram.MemoryBytes, CpuModel.Default, counters);
            return (direct, direct.Memory);
        }
        catch (Exception refused) when (refused is HostCallException or PlatformNotSupportedException or DllNotFoundException)
        {
            Assert.Skip("the direct engine cannot run here: " + refused.Message);
            throw;
        }
    }

    private void Write(ushort port, uint value)
    {
        switch (port)
        {
            case >= GuestProgram.TrapPort and < GuestProgram.TrapPort + 4:
                _trap[port - GuestProgram.TrapPort] = value;
                bool isInterrupt = _trap[0] == GuestProgram.InterruptVector;
                if (port == GuestProgram.TrapPort + 3 && !(IsSilent && isInterrupt))
                {
                    _log.Add($"#{_trap[0]}" + (isInterrupt ? "" : $" error {_trap[1]:x}") + $" at {_trap[2]:x}" + (_trap[0] == 14 ? $" address {value:x}" : ""));
                }

                break;
            case GuestProgram.ValuePort:
                _log.Add(value.ToString("x"));
                break;
            case GuestProgram.RequestInterruptPort:
                PendingInterrupts++;
                break;
            default:
                _log.Add($"port {port:x} value {value:x}");
                break;
        }
    }
}
