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
///   RamAddress          the guest's RAM, read only, for its kernel only
/// </code>
/// </summary>
internal static class StubLayout
{
    public const ulong CodeAddress = 0x10_0000_0000;
    public const ulong ControlAddress = 0x10_0010_0000;
    public const ulong SignalStack = 0x10_0020_0000;
    public const int SignalStackSize = 0x1_0000;

    /// <summary>The guest's RAM, to read its page tables; with the key of kernel pages.</summary>
    public const ulong RamAddress = 0x20_0000_0000;

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

    // StubControl, by offset. Words are dwords unless said otherwise. Cache lines are what a hand-over costs: a hypercall moves the first
    // line forth and back and no other.

    /// <summary>EAX ECX EDX EBX ESP EBP ESI EDI.</summary>
    public const int Gpr = 0x000;

    /// <summary>The far pointer through which the stub enters the guest: EIP, then CS.</summary>
    public const int Eip = 0x020, Cs = 0x024;
    public const int Eflags = 0x028;

    /// <summary>Whose turn it is, the hand-over word.</summary>
    public const int Turn = 0x02C;

    /// <summary>What the stub is to do: operation bits, from <see cref="CommandCountShift"/> on the number of listed system calls.</summary>
    public const int Operation = 0x030;
    public const int ExitReason = 0x034;

    /// <summary>Of an exit by the gate: the site that asks; by the kernel's, VirtualIf as the window has it.</summary>
    public const int SiteIndex = 0x038, VirtualIf = 0x03C;

    // The second line changes seldom, so that both sides keep it. Of the segment registers it has what the monitor wants, and after a
    // signal what was found.
    public const int Ds = 0x040, Es = 0x044, Fs = 0x048, Gs = 0x04C, Ss = 0x050;
    public const int Pkru = 0x054, HasPkru = 0x058;

    /// <summary>1 while the guest's FPU state is in <see cref="Xsave"/> rather than in the registers.</summary>
    public const int FpuInMemory = 0x05C;

    /// <summary>The processor that each side was last seen on. On the same one, waiting by spinning only keeps the other from running.</summary>
    public const int StubProcessor = 0x060, MonitorProcessor = 0x064;

    /// <summary>Who sleeps on <see cref="Turn"/>.</summary>
    public const int StubSleeps = 0x068, MonitorSleeps = 0x06C;
    public const int KickPending = 0x070;

    /// <summary>Format and place of the guest's page tables, for faults that the guest's kernel alone has to settle; see <see cref="NoTables"/>.</summary>
    public const int PagingFormat = 0x074, PagingRoot = 0x078;

    /// <summary>Values of <see cref="PagingFormat"/>: leave all faults to the monitor; SDM vol. 3, 4.3; SDM vol. 3, 4.4.</summary>
    public const int NoTables = 0, Tables32 = 1, TablesPae = 2;

    // Of an exit by a signal.
    public const int Signal = 0x080, TrapNumber = 0x084, ErrorCode = 0x088;

    /// <summary>Upper half of RIP: not zero when 64-bit code was interrupted.</summary>
    public const int EipHigh = 0x08C;
    public const int FaultAddress = 0x090; // qword

    /// <summary>Time stamps of the stub's side of an observed hand-over, as qwords: it saw its turn, it gave the turn back.</summary>
    public const int TurnSeen = 0x098, TurnGiven = 0x0A0;

    // Never changed once guest code runs.
    public const int RamFrames = 0x0C0, WindowBase = 0x0C4, KernelPkru = 0x0C8;

    /// <summary>XSAVE area, standard form: x87, SSE and AVX (SDM vol. 1, 13.4).</summary>
    public const int Xsave = 0x100;
    public const int XsaveSize = 576 + 256;
    public const int XsaveMask = 7;

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
    public const int OperationRun = 1, OperationSaveFpu = 2, OperationPark = 4, OperationObserve = 8;
    public const int CommandCountShift = 16;

    // Values of ExitReason.
    public const int ExitCommands = 0, ExitSignal = 1, ExitGate = 2, ExitKick = 3, ExitStubFault = 4, ExitUserGate = 5;
}
