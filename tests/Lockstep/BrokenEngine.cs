// An engine with a defect: the interpreter, but for one instruction that gets one bit of its result wrong.
using Runtime.Engines;
using Runtime.Engines.Interpreter;
using Runtime.Memory;

namespace Tests.Lockstep;

/// <param name="eip">The instruction at this address flips the lowest bit of EBX when ECX, before it, is <paramref name="when"/>.</param>
internal sealed class BrokenEngine(GuestMemory memory, ITimeStamp time, uint eip, uint when) : ISteppableEngine
{
    private const int Slice = 777;

    private readonly Cpu _cpu = new(new VcpuState(), memory, CpuModel.Default, time);

    public bool ReturnsAtEachExit { get; set; }

    public VcpuState State => _cpu.State;

    public VmExit Run(bool wantInterruptWindow)
    {
        VmExit exit = VmExit.None;
        for (int i = 0; i < Slice && exit.Reason == VmExitReason.None; i++)
        {
            exit = Step();
        }

        return exit;
    }

    public VmExit Step()
    {
        bool isWrong = State.Eip == eip && State.Gpr[VcpuState.Ecx] == when;
        VmExit exit = _cpu.Step();
        if (isWrong)
        {
            State.Gpr[VcpuState.Ebx] ^= 1;
        }

        return exit;
    }

    public VmExit Interpret() => Step();

    public void CompletePortRead(uint value) => _cpu.CompletePortRead(value);

    public void Interrupt(byte vector) => _cpu.DeliverInterrupt(vector);

    public void InterruptNonMaskable() => _cpu.DeliverNonMaskable();

    public void StoreFpu()
    {
    }

    public void Forget() => _cpu.FlushTlb();

    public void Kick()
    {
    }

    public void Dispose()
    {
    }
}
