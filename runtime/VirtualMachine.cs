// One guest: a board, a processor, and how it all ends.
using Runtime.Devices;
using Runtime.Engines;
using Runtime.Engines.Interpreter;
using Runtime.Paravirt;
using Runtime.Scheduling;
using Runtime.Time;

namespace Runtime;

/// <summary>Wires an engine to a board and runs it to its end. The end is sticky: the first reason given wins.</summary>
public sealed class VirtualMachine : IPowerControl, IDisposable
{
    private readonly IExecutionEngine _engine;
    private readonly Vcpu _vcpu;
    private Outcome? _outcome;

    /// <param name="gate">Whom the processor asks before it runs; null when nobody else wants the host's processors.</param>
    /// <param name="timeLimit">Wall time after which the run ends, or null.</param>
    public VirtualMachine(
        EngineHost host, PlatformParts parts, IClock clock, ExitCounters counters, SymbolTable symbols, TimeSpan? timeLimit, ExitTrace? trace,
        IProcessorGate? gate = null)
    {
        _engine = host.Engine;
        Platform = new PcPlatform(parts, clock, this, Wake);
        if (parts.Serial is ITimedDevice buffered)
        {
            Platform.Deadlines.Add(buffered);
        }

        if (timeLimit is TimeSpan limit)
        {
            Platform.Deadlines.Add(new TimeLimit(clock.Now + (long)(limit.TotalMilliseconds * 1e6), () => End(Runtime.Outcome.TimeLimit)));
        }

        if (host.Processor is Cpu withApic)
        {
            withApic.NonMaskableUnblocked = LookAnew;
            withApic.ApicBase = new ApicBaseRegister(host.Apic != ApicFitting.Off);
            Platform.AddApics(host.Apic, withApic.ApicBase, clock, LookAnew);
        }

        if (host.Processor is { Model.HasXen: true } guestOfXen)
        {
            Xen = new XenPlatform(Platform, guestOfXen, parts, clock, this);
            if (gate is not null)
            {
                Xen.Runstate.Waited = () => gate.WaitedNanoseconds;
            }
        }

        Hypercalls = host.Processor is Cpu processor ? new Hypercalls(processor, Platform.Bus, Xen is null ? null : Xen.Perform) : null;
        _vcpu = new Vcpu(_engine, this, clock, counters, symbols, trace, gate ?? new OpenGate());
    }

    public PcPlatform Platform { get; }

    /// <summary>Where shims are loaded; null with an engine that runs none.</summary>
    public Hypercalls? Hypercalls { get; }

    /// <summary>The hypervisor's side of a guest of Xen; null for a guest of a plain PC.</summary>
    internal XenPlatform? Xen { get; }

    /// <summary>How the machine ended; null while it runs.</summary>
    public Outcome? Outcome => Volatile.Read(ref _outcome);

    /// <summary>Time in guest code, once it has ended.</summary>
    public long GuestNanoseconds => _vcpu.GuestNanoseconds;

    /// <summary>Processor time that the machine used on threads of its own.</summary>
    public long ThreadNanoseconds => _vcpu.AlarmNanoseconds + Platform.WorkerNanoseconds + (Xen?.ThreadNanoseconds ?? 0);

    /// <summary>Runs the guest on the calling thread until it ends, and its devices with it.</summary>
    public Outcome Run()
    {
        Outcome outcome = _vcpu.Run();
        Xen?.Dispose();
        Platform.Dispose();
        return outcome;
    }

    /// <summary>Ends the machine. Safe from any thread.</summary>
    public void End(Outcome outcome)
    {
        if (Interlocked.CompareExchange(ref _outcome, outcome, null) is null)
        {
            Wake();
        }
    }

    /// <summary>The guest asked for what no machine can do: it dies, the monitor lives.</summary>
    public void Kill(string reason) => End(Runtime.Outcome.GuestDied(reason));

    /// <summary>Input has arrived for a device: makes the processor look, asleep or running. Safe from any thread.</summary>
    public void Wake() => _vcpu.Wake();

    /// <summary>What the guest has just done in the middle of its run changes what is due: makes the processor leave it and look. On its thread.</summary>
    internal void LookAnew() => _engine.LookAnew();

    public void Dispose()
    {
        Xen?.Dispose();
        _vcpu.Dispose();
    }

    void IPowerControl.PowerOff(string source) => End(Runtime.Outcome.PowerOff(source));

    void IPowerControl.Reset(string source) => End(Runtime.Outcome.Reset(source));

    void IPowerControl.ExitWith(byte value) => End(Runtime.Outcome.DebugExit(value));
}
