namespace Runtime.Engines;

/// <summary>
/// Executes guest code from <see cref="State"/> until something happens that only the run loop can settle. An engine never calls a
/// device; it returns a <see cref="VmExit"/>. Guest exceptions (page faults, #GP …) are delivered inside the engine and are no exits.
/// </summary>
public interface IExecutionEngine : IDisposable
{
    /// <summary>The processor. Valid and up to date whenever <see cref="Run"/> is not executing; the run loop may change it then.</summary>
    VcpuState State { get; }

    /// <summary>Runs until an exit. With <paramref name="wantInterruptWindow"/> it returns <see cref="VmExitReason.InterruptWindow"/>
    /// as soon as the guest can take an interrupt.</summary>
    VmExit Run(bool wantInterruptWindow);

    /// <summary>Supplies the value of the <see cref="VmExitReason.PortRead"/> just returned, and retires that element.</summary>
    void CompletePortRead(uint value);

    /// <summary>Delivers an external interrupt through the guest's IDT (SDM vol. 3, 6.12). Only while the guest can take one.</summary>
    void Interrupt(byte vector);

    /// <summary>Delivers an NMI, and notes that until the next IRET no other may be (SDM vol. 3, 6.7.1).</summary>
    void InterruptNonMaskable();

    /// <summary>The processor was halted for a while; the run loop says so before it looks at devices and events and runs the guest again, so
    /// that kicks which came until now have had their effect.</summary>
    void Halted()
    {
    }

    /// <summary>For an engine whose guests may write to some ports without an exit; else null.</summary>
    PostedWrites? Posted => null;

    /// <summary>Makes a <see cref="Run"/> in progress on another thread return soon. Safe from any thread; may be early or spurious.</summary>
    void Kick();

    /// <summary>From within <see cref="Run"/>, by what the guest has just stored in device memory: returns before the next instruction.</summary>
    void LookAnew() => Kick();

    /// <summary>Processor time of the processes that execute guest code for this engine; null when the thread in <see cref="Run"/> does it
    /// itself. For that thread.</summary>
    EngineTime? ReadTime() => null;

    /// <summary>What the engine holds of the host's memory. Any thread, as long as the engine is not disposed.</summary>
    EngineMemory ReadMemory() => default;

    /// <summary>Keeps the calling thread, and the processes that execute guest code for it, on one processor of the host.</summary>
    void Bind(int processor) => Time.HostThread.Bind(processor);
}

/// <summary>Memory of the host that an engine holds.</summary>
/// <param name="RamBytes">Guest RAM that has been touched.</param>
/// <param name="CodeBytes">Patched copies, the monitor window, control blocks.</param>
/// <param name="ShadowPages">Pages that the shadow maps, in all address spaces together.</param>
public readonly record struct EngineMemory(long RamBytes, long CodeBytes, int ShadowPages);

/// <summary>Processor time in nanoseconds, as the host's kernel measured it; never falling.</summary>
/// <param name="Guest">Guest code.</param>
/// <param name="Mapping">What the engine had the processes do for it: system calls that map the shadow.</param>
public readonly record struct EngineTime(long Guest, long Mapping);
