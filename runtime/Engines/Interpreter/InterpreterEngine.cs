// The interpreter behind the engine contract.
using Runtime.Memory;

namespace Runtime.Engines.Interpreter;

/// <summary>Runs everything on one <see cref="Cpu"/>. Portable; the reference for the direct engine.</summary>
public sealed class InterpreterEngine : IExecutionEngine
{
    /// <summary>A run ends with <see cref="VmExitReason.Kicked"/> after this many instructions, kicked or not.</summary>
    private const long Slice = 50_000_000;

    private bool _kicked;

    public InterpreterEngine(VcpuState state, GuestMemory memory, CpuModel? model = null, ITimeStamp? tsc = null)
        => Cpu = new Cpu(state, memory, model ?? CpuModel.Default, tsc ?? new ClockTimeStamp());

    /// <summary>The processor, for what the contract does not show: statistics, the page walker, seams for patched code.</summary>
    public Cpu Cpu { get; }

    public VcpuState State => Cpu.State;

    public VmExit Run(bool wantInterruptWindow)
    {
        VmExit exit = Cpu.Run(wantInterruptWindow, Slice, ref _kicked);
        if (exit.Reason == VmExitReason.Kicked)
        {
            Volatile.Write(ref _kicked, false);
        }

        return exit;
    }

    public void CompletePortRead(uint value) => Cpu.CompletePortRead(value);

    public void Interrupt(byte vector) => Cpu.DeliverInterrupt(vector);

    public void InterruptNonMaskable() => Cpu.DeliverNonMaskable();

    public void Kick() => Volatile.Write(ref _kicked, true);

    public void LookAnew()
    {
        Kick();
        Cpu.Attend();
    }

    public void Dispose()
    {
    }
}
