// What a shim sees of the virtual CPU. Each member is the operation that the interpreter itself would use for the instruction.
using Runtime.Abi.Shims;
using Runtime.Abi.Xen;
using Runtime.Devices;
using Runtime.Engines;
using Runtime.Engines.Interpreter;

namespace Runtime.Paravirt;

/// <summary>
/// Performs instructions by shims. After a first guest fault, or an exit, nothing that the shim still asks for has any effect: what is
/// delivered then is delivered with the state before the instruction.
/// </summary>
internal sealed class ShimContext : IShimContext
{
    /// <summary>Turns of loops and calls in one run of a shim: some tens of milliseconds.</summary>
    private const int LongestRun = 4_000_000;

    private readonly Cpu _cpu;
    private readonly VcpuState _state;
    private readonly PortBus _bus;
    private readonly Func<bool> _effect;
    private HostShim? _shim;
    private readonly Func<VcpuState, Func<bool>?>? _xen;
    private Func<bool>? _wait;
    private bool _isOver;
    private string? _failure;

    /// <param name="xen">Performs the hypercall that the registers name, and returns what it waits for; null on a machine without Xen.</param>
    public ShimContext(Cpu cpu, PortBus bus, Func<VcpuState, Func<bool>?>? xen = null)
    {
        (_cpu, _state, _bus, _xen) = (cpu, cpu.State, bus, xen);
        _effect = Execute;
    }

    public uint Eax { get => _state.Gpr[VcpuState.Eax]; set => Set(VcpuState.Eax, value); }
    public uint Ecx { get => _state.Gpr[VcpuState.Ecx]; set => Set(VcpuState.Ecx, value); }
    public uint Edx { get => _state.Gpr[VcpuState.Edx]; set => Set(VcpuState.Edx, value); }
    public uint Ebx { get => _state.Gpr[VcpuState.Ebx]; set => Set(VcpuState.Ebx, value); }
    public uint Esp { get => _state.Gpr[VcpuState.Esp]; set => Set(VcpuState.Esp, value); }
    public uint Ebp { get => _state.Gpr[VcpuState.Ebp]; set => Set(VcpuState.Ebp, value); }
    public uint Esi { get => _state.Gpr[VcpuState.Esi]; set => Set(VcpuState.Esi, value); }
    public uint Edi { get => _state.Gpr[VcpuState.Edi]; set => Set(VcpuState.Edi, value); }

    public uint Eip
    {
        get => _state.Eip;
        set
        {
            if (!_isOver)
            {
                _cpu.JumpTo(value);
            }
        }
    }

    public uint Eflags
    {
        get => _state.Eflags;
        set
        {
            if (!_isOver)
            {
                _cpu.LoadFlags(value);
            }
        }
    }

    /// <summary>Performs the instruction at EIP.</summary>
    /// <param name="wait">What the processor is to wait for before the shim runs again; null as a rule.</param>
    /// <returns>An exit that the shim led to; <see cref="VmExitReason.None"/> when the instruction is done or its fault delivered.</returns>
    public VmExit Perform(HostShim shim, out Func<bool>? wait)
    {
        (_shim, _isOver, _failure, _wait) = (shim, false, null, null);
        VmExit exit = _cpu.Perform(shim.Length, _effect);
        wait = _wait;
        return _failure is null ? exit : VmExit.Impossible(_failure);
    }

    public uint ReadMemory(SegmentName segment, uint offset, int size)
        => !_isOver && Go(_cpu.TryReadMemory(Index(segment), offset, size, out uint value)) ? value : 0;

    public void WriteMemory(SegmentName segment, uint offset, int size, uint value) => _ = !_isOver && Go(_cpu.TryWriteMemory(Index(segment), offset, size, value));

    public void Push(int size, uint value) => _ = !_isOver && Go(_cpu.TryPushValue(size, value));

    public uint In(ushort port, int size) => !_isOver && Go(_cpu.TryPermitPort(port, size)) ? _bus.Read(port, (byte)size) : 0;

    public void Out(ushort port, int size, uint value)
    {
        if (!_isOver && Go(_cpu.TryPermitPort(port, size)))
        {
            _bus.Write(port, (byte)size, value);
        }
    }

    public uint ReadControlRegister(int number) => !_isOver && Go(_cpu.TryReadControl(number, out uint value)) ? value : 0;

    public void WriteControlRegister(int number, uint value) => _ = !_isOver && Go(_cpu.TryWriteControl(number, value));

    public uint ReadDebugRegister(int number) => !_isOver && Go(_cpu.TryReadDebug(number, out uint value)) ? value : 0;

    public void WriteDebugRegister(int number, uint value) => _ = !_isOver && Go(_cpu.TryWriteDebug(number, value));

    public uint ReadMachineStatus() => !_isOver && Go(_cpu.TryReadMachineStatus(out uint value)) ? value : 0;

    public void LoadMachineStatusWord(ushort value) => _ = !_isOver && Go(_cpu.TryLoadMachineStatus(value));

    public void ClearTaskSwitched() => _ = !_isOver && Go(_cpu.TryClearTaskSwitched());

    public ushort ReadSegment(SegmentName segment) => _state.Segments[(int)segment].Selector;

    public void LoadSegment(SegmentName segment, ushort selector) => _ = !_isOver && Go(_cpu.TryLoadSegment(Index(segment), selector));

    public void PushSegment(SegmentName segment, int size) => _ = !_isOver && Go(_cpu.TryPushSegment(Index(segment), size));

    public void PopSegment(SegmentName segment, int size) => _ = !_isOver && Go(_cpu.TryPopSegment(Index(segment), size));

    public void LoadGdtr(SegmentName segment, uint offset, int operandSize) => _ = !_isOver && Go(_cpu.TryLoadGdtr(Index(segment), offset, operandSize));

    public void LoadIdtr(SegmentName segment, uint offset, int operandSize) => _ = !_isOver && Go(_cpu.TryLoadIdtr(Index(segment), offset, operandSize));

    public void StoreGdtr(SegmentName segment, uint offset) => _ = !_isOver && Go(_cpu.TryStoreGdtr(Index(segment), offset));

    public void StoreIdtr(SegmentName segment, uint offset) => _ = !_isOver && Go(_cpu.TryStoreIdtr(Index(segment), offset));

    public void LoadLdtr(ushort selector) => _ = !_isOver && Go(_cpu.TryLoadLdtr(selector));

    public void LoadTaskRegister(ushort selector) => _ = !_isOver && Go(_cpu.TryLoadTaskRegister(selector));

    public ushort ReadLdtr() => !_isOver && Go(_cpu.TryPermitSystemSelector()) ? _state.Ldtr.Selector : (ushort)0;

    public ushort ReadTaskRegister() => !_isOver && Go(_cpu.TryPermitSystemSelector()) ? _state.Tr.Selector : (ushort)0;

    public void VerifyForReading(ushort selector) => _ = !_isOver && Go(_cpu.TryVerify(selector, write: false));

    public void VerifyForWriting(ushort selector) => _ = !_isOver && Go(_cpu.TryVerify(selector, write: true));

    public void ReadMsr() => _ = !_isOver && Go(_cpu.Model.Has(CpuFeatures.Msr) ? _cpu.TryReadModelSpecific() : _cpu.RefuseInstruction());

    public void WriteMsr() => _ = !_isOver && Go(_cpu.Model.Has(CpuFeatures.Msr) ? _cpu.TryWriteModelSpecific() : _cpu.RefuseInstruction());

    public void ReadTimeStamp() => _ = !_isOver && Go(_cpu.Model.Has(CpuFeatures.Tsc) ? _cpu.TryReadTimeStamp() : _cpu.RefuseInstruction());

    // No model has RDTSCP.
    public void ReadTimeStampAndProcessor() => _ = !_isOver && Go(_cpu.RefuseInstruction());

    public void Cpuid() => _ = !_isOver && Go(_cpu.TryIdentify());

    public void InvalidatePage(SegmentName segment, uint offset) => _ = !_isOver && Go(_cpu.TryInvalidatePage(Index(segment), offset));

    public void FlushCaches() => _ = !_isOver && Go(_cpu.TryFlushCaches());

    public void ClearInterruptFlag() => _ = !_isOver && Go(_cpu.TryClearInterruptFlag());

    public void SetInterruptFlag() => _ = !_isOver && Go(_cpu.TrySetInterruptFlag());

    public void PushFlags(int size) => _ = !_isOver && Go(_cpu.TryPushFlags(size));

    public void PopFlags(int size) => _ = !_isOver && Go(_cpu.TryPopFlags(size));

    public void Halt() => _ = !_isOver && Go(_cpu.TryHalt());

    public void ReturnFromInterrupt(int size) => _ = !_isOver && Go(_cpu.TryReturnFromInterrupt(size));

    public void SoftwareInterrupt(byte vector) => _ = !_isOver && Go(_cpu.TryInterrupt(vector));

    public uint Hypercall(uint number, uint first, uint second = 0, uint third = 0)
    {
        if (_isOver || _xen is null)
        {
            return _isOver ? 0 : unchecked((uint)-(int)XenError.NoSystemCall);
        }

        // The hypercall interface takes its arguments in registers, which are the shim's caller's.
        (uint eax, uint ebx, uint ecx, uint edx) = (Eax, Ebx, Ecx, Edx);
        (Eax, Ebx, Ecx, Edx) = (number, first, second, third);
        _wait = _xen(_state);
        uint result = Eax;
        (Eax, Ebx, Ecx, Edx) = (eax, ebx, ecx, edx);
        _isOver = _wait is not null;
        return result;
    }

    public void Emulate() => _ = !_isOver && Go(_cpu.TryExecuteOriginal());

    private static SegmentIndex Index(SegmentName segment) => (SegmentIndex)segment;

    private bool Execute()
    {
        try
        {
            ShimBudget.Begin(LongestRun);
            _shim!.Perform(this);
        }
        catch (Exception overrun) when (overrun is ShimBudgetException or InsufficientExecutionStackException)
        {
            _failure = "its shim does not come to an end";
        }
        catch (ArithmeticException exception)
        {
            // The one kind of exception that permitted C# can raise by itself: the shim is the guest's, so is the mistake.
            _failure = $"its shim failed: {exception.Message.TrimEnd('.')}";
        }

        return !_isOver;
    }

    private bool Go(bool done)
    {
        _isOver = !done;
        return done;
    }

    private void Set(int register, uint value)
    {
        if (!_isOver)
        {
            _state.Gpr[register] = value;
        }
    }
}
