// The whole of an IA-32 processor in C#. This file holds its surface and wiring; each other Cpu.*.cs file is a chapter of the SDM.
// Flow: Run (Cpu.Execution) -> fetch (Cpu.Fetch) -> handler (chapters) -> Settle (Cpu.Faults) when a handler says no.
using System.Runtime.CompilerServices;
using Runtime.Memory;

namespace Runtime.Engines.Interpreter;

/// <summary>
/// Executes guest instructions one by one on a <see cref="VcpuState"/>. Whoever changes the state between calls need not say so:
/// every entry derives what it caches from it again. The TLB is the exception: change page tables or CR3 behind its back and call
/// <see cref="FlushTlb"/>.
/// </summary>
public sealed partial class Cpu
{
    private readonly VcpuState _state;
    private readonly GuestMemory _memory;
    private readonly CpuModel _model;
    private readonly ITimeStamp _tsc;
    private readonly HandlerTable _handlers = new();
    private readonly InstructionDecoder _decoder;
    private long _retired;

    public Cpu(VcpuState state, GuestMemory memory, CpuModel model, ITimeStamp tsc)
    {
        _state = state;
        _memory = memory;
        AttachRam(memory);
        memory.StoredByDevice = ReportDeviceStore;
        memory.HoldsCode = frame => FrameFlags is { } flags && Volatile.Read(ref flags[frame]) != 0;
        _model = model;
        _tsc = tsc;
        _decoder = new InstructionDecoder(_handlers);
        RegisterDataTransfer();
        RegisterStack();
        RegisterArithmetic();
        RegisterDecimal();
        RegisterShifts();
        RegisterBits();
        RegisterControlTransfer();
        RegisterFarTransfer();
        RegisterStrings();
        RegisterFlagControl();
        RegisterInputOutput();
        RegisterSegments();
        RegisterProtection();
        RegisterControlRegisters();
        RegisterModelSpecific();
        RegisterMiscellaneous();
        RegisterHypervisorInterface();
        RegisterX87Transfer();
        RegisterX87Arithmetic();
        RegisterX87Transcendental();
        RegisterX87Control();
        RegisterVector();
        PowerUpX87();
    }

    public VcpuState State => _state;

    public CpuModel Model => _model;

    /// <summary>Called when an NMI that waits can be taken.</summary>
    public Action? NonMaskableUnblocked { get; set; }

    /// <summary>The local APIC's own register; null, as at first, for a processor without one.</summary>
    public ApicBaseRegister? ApicBase { get; set; }

    /// <summary>Instructions completed since construction; each element of a repeated string instruction counts for itself only when
    /// it is the last.</summary>
    public long InstructionsRetired => _retired;

    public ICpuObserver? Observer { get; set; }

    /// <summary>Called before each sensitive instruction is executed: what would trap where they all trap. To be set before anything ran.</summary>
    public Action? SensitiveMet
    {
        get => _decoder.SensitiveMet;
        set => _decoder.SensitiveMet = value;
    }

    /// <summary>One byte per frame of RAM; a store to a frame whose byte is not zero is reported to <see cref="Observer"/>.</summary>
    public byte[]? FrameFlags { get; set; }

    /// <summary>The monitor window, while the guest runs with patched code.</summary>
    public ILinearOverlay? Overlay
    {
        get;
        set
        {
            field = value;
            FlushTlb();
        }
    }

    public ICodeView? CodeView
    {
        get;
        set
        {
            field = value;
            FlushTlb();
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ref uint Gpr(int index) => ref _state.Gpr[index];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ref SegmentRegister Segment(SegmentIndex index) => ref _state.Segments[(int)index];
}
