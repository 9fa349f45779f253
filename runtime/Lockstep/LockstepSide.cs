// One of the two machines of a lockstep run: an engine with a board of its own, whose clock others set.
using Runtime.Devices;
using Runtime.Engines;
using Runtime.Engines.Interpreter;
using Runtime.Memory;
using Runtime.Reporting;

namespace Runtime.Lockstep;

/// <summary>A machine whose run loop is <see cref="LockstepRun"/>.</summary>
internal sealed class LockstepSide : IDisposable
{
    private readonly EngineHost _host;

    public LockstepSide(EngineHost host, LockstepClock clock, ISerialEndpoint serial, SymbolTable symbols)
    {
        _host = host;
        Clock = clock;
        var parts = new PlatformParts(host.Memory, [], serial, new DeviceTrace(null));
        parts = host.Processor is { Model.HasXen: true } ? parts.UnderXen() : parts;
        Machine = new VirtualMachine(host, parts, clock, new ExitCounters(), symbols, timeLimit: null, trace: null);
    }

    public IExecutionEngine Engine => _host.Engine;

    /// <summary>The interpreter on the state: all of a reference, what a subject emulates with; null for one that has none.</summary>
    public Cpu? Processor => _host.Processor;

    public VcpuState State => _host.Engine.State;

    public GuestMemory Memory => _host.Memory;

    public LockstepClock Clock { get; }

    public VirtualMachine Machine { get; }

    /// <summary>When a device wants to be looked at next.</summary>
    public long Deadline => Machine.Platform.Deadlines.Earliest;

    /// <summary>Lets the devices catch up with the clock.</summary>
    public void Advance() => Machine.Platform.Deadlines.Advance(Clock.Current);

    /// <summary>Whether an interrupt waits for the guest to take it.</summary>
    public bool IsInterruptPending => (Machine.Xen is { } xen && xen.TryPendingVector(out _)) || Machine.Platform.Interrupts.IsInterruptPending;

    public bool CanTakeInterrupt => State.InterruptsEnabled && !State.InterruptShadow;

    /// <summary>Delivers the interrupt that is due. Only when the guest can take it.</summary>
    /// <returns>Its vector; null when it turned out that none is.</returns>
    public byte? Interrupt()
    {
        byte vector = 0;
        bool isUpcall = Machine.Xen is { } xen && xen.TryPendingVector(out vector) && xen.TrySettleUpcall();
        if (!isUpcall && !Machine.Platform.Interrupts.IsInterruptPending)
        {
            return null;
        }

        vector = isUpcall ? vector : Machine.Platform.Interrupts.Acknowledge();
        Engine.Interrupt(vector);
        return vector;
    }

    /// <summary>The processor begins to wait.</summary>
    public void Block()
    {
        Machine.Xen?.TrySettleUpcall();
        Machine.Xen?.Runstate.Enter(Abi.Xen.Runstate.Blocked);
    }

    /// <summary>The wait is over.</summary>
    public void Unblock()
    {
        Machine.Xen?.Runstate.Enter(Abi.Xen.Runstate.Running);
        Machine.Xen?.PublishRunstate();
    }

    /// <summary>Does what an exit asks for, as <see cref="Vcpu"/> does.</summary>
    /// <returns>What the processor is to wait for; null to go on.</returns>
    public Func<bool>? Settle(in VmExit exit)
    {
        switch (exit.Reason)
        {
            case VmExitReason.PortRead:
                Engine.CompletePortRead(Machine.Platform.Bus.Read(exit.Port, exit.Size));
                return null;
            case VmExitReason.PortWrite:
                Machine.Platform.Bus.Write(exit.Port, exit.Size, exit.Value);
                return null;
            case VmExitReason.Halt:
                if (!State.InterruptsEnabled)
                {
                    Machine.End(Outcome.HaltedForGood);
                }

                return () => IsInterruptPending;
            case VmExitReason.XenHypercall:
                return Machine.Xen!.Perform(State);
            case VmExitReason.Shutdown:
                Machine.Kill("triple fault");
                return null;
            case VmExitReason.Impossible:
                Machine.Kill(exit.Detail!);
                return null;
            default:
                return null;
        }
    }

    public void Dispose()
    {
        Machine.Platform.Dispose();
        Machine.Dispose();
        _host.Dispose();
    }
}
