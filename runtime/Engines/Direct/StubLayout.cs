// Where everything is in a stub process, and what the block that it shares with the monitor looks like. The assembly in StubCode
// and the typed view in StubControl both take their offsets from here.
namespace Runtime.Engines.Direct;

/// <summary>
/// Address space of a stub process:
/// <code>
///   0 .. 4 GiB          the guest's linear address space, nothing else
///   CodeAddress         the stub's machine code, read and execute
///   ControlAddress      StubControl, shared with the monitor
///   SignalStack         the alternate signal stack
/// </code>
/// </summary>
internal static class StubLayout
{
    public const ulong CodeAddress = 0x10_0000_0000;
    public const ulong ControlAddress = 0x10_0010_0000;
    public const ulong SignalStack = 0x10_0020_0000;
    public const int SignalStackSize = 0x1_0000;

    /// <summary>File descriptors of the stub process; it has no others.</summary>
    public const int ControlFd = 0, RamFd = 1;

    // The control memfd, by file offset.

    /// <summary>The monitor window's pages (<see cref="Abi.MonitorWindow"/>).</summary>
    public const long WindowFileOffset = 0;

    /// <summary>StubControl blocks, one per stub process.</summary>
    public const long ControlFileOffset = 0x40_0000;
    public const int ControlSize = 0x6000;
    public const int MaximumStubs = 256;

    /// <summary>Patched copies of guest code pages.</summary>
    public const long CodeCacheFileOffset = ControlFileOffset + ControlSize * MaximumStubs;
    public const int CodeCachePages = 16384;
    public const long ControlFileLength = CodeCacheFileOffset + CodeCachePages * 4096L;

    // StubControl, by offset. Words are dwords unless said otherwise.

    /// <summary>EAX ECX EDX EBX ESP EBP ESI EDI; ESP is unused here, see <see cref="Frame"/>.</summary>
    public const int Gpr = 0x000;
    public const int Ds = 0x020, Es = 0x024, Fs = 0x028, Gs = 0x02C;
    public const int Pkru = 0x030;

    /// <summary>1 while the guest's FPU state is in <see cref="Xsave"/> rather than in the registers.</summary>
    public const int FpuInMemory = 0x034;
    public const int ExitReason = 0x038;
    public const int Signal = 0x03C;
    public const int TrapNumber = 0x040;
    public const int ErrorCode = 0x044;
    public const int FaultAddress = 0x048; // qword
    public const int KickPending = 0x050;
    public const int HasPkru = 0x054;

    /// <summary>What IRETQ pops: EIP, CS, EFLAGS, ESP, SS as qwords.</summary>
    public const int Frame = 0x080;
    public const int FrameEip = 0x080, FrameCs = 0x088, FrameEflags = 0x090, FrameEsp = 0x098, FrameSs = 0x0A0;

    /// <summary>XSAVE area, standard form: x87, SSE and AVX (SDM vol. 1, 13.4).</summary>
    public const int Xsave = 0x100;
    public const int XsaveSize = 576 + 256;
    public const int XsaveMask = 7;

    /// <summary>The hand-over word and who sleeps on it; a cache line of its own.</summary>
    public const int Turn = 0x800;
    public const int StubSleeps = 0x804;
    public const int MonitorSleeps = 0x808;
    public const int Operation = 0x80C;
    public const int CommandCount = 0x810;

    /// <summary>The processor that each side was last seen on. On the same one, waiting by spinning only keeps the other from running.</summary>
    public const int StubProcessor = 0x814;
    public const int MonitorProcessor = 0x818;

    /// <summary>Time stamps of the stub's side of a hand-over, as qwords: it saw its turn, it gave the turn back.</summary>
    public const int TurnSeen = 0x820, TurnGiven = 0x828;

    /// <summary>A small stack for the stub's own pushes.</summary>
    public const int StackTop = 0x1000;

    /// <summary>System calls to make: number, six arguments, result, as qwords.</summary>
    public const int Commands = 0x1000;
    public const int CommandSize = 64;
    public const int MaximumCommands = 256;

    /// <summary>Room for what the arguments of system calls point at.</summary>
    public const int Scratch = 0x5000;
    public const int ScratchSize = 0x1000;

    // Values of Turn.
    public const int TurnStub = 1, TurnMonitor = 2;

    // Values of Operation: bits.
    public const int OperationRun = 1, OperationSaveFpu = 2, OperationPark = 4;

    // Values of ExitReason.
    public const int ExitCommands = 0, ExitSignal = 1, ExitGate = 2, ExitKick = 3, ExitStubFault = 4;
}
