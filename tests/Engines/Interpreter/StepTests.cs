// Events between instructions, and the seams that the direct engine and patched code use.
using Iced.Intel;
using Runtime.Abi;
using Runtime.Engines;
using Runtime.Engines.Interpreter;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace Tests.Engines.Interpreter;

public sealed class StepTests
{
    [Fact]
    public void TrapFlagStopsAfterEachInstructionAndShadowsDelayIt()
    {
        using var machine = new TestMachine();
        machine.BuildTables();
        machine.Assemble(0x4010, a =>
        {
            a.inc(esi);
            a.iretd();
        });
        machine.State.Eflags |= FlagBits.Tf;
        machine.State.Gpr[VcpuState.Eax] = 0x10;
        machine.Assemble(TestMachine.Code, a =>
        {
            a.nop();
            a.mov(ss, eax);
            a.nop();
            a.nop();
            a.jmp(0x4800);
        });
        Assert.Equal(VmExitReason.Halt, machine.Run(100).Reason);

        // nop, mov ss + nop, nop, jmp, and hlt's own trap is still to come.
        Assert.Equal(4u, machine.State.Gpr[VcpuState.Esi]);
        Assert.Equal(0x4000u, machine.State.Dr6 & 0xE00F);
    }

    [Fact]
    public void InterruptWindowOpensOneInstructionAfterSti()
    {
        using var machine = new TestMachine();
        machine.Assemble(TestMachine.Code, a =>
        {
            a.nop();
            a.sti();
            a.inc(eax);
            a.inc(eax);
        });
        bool kick = false;
        VmExit exit = machine.Cpu.Run(true, 100, ref kick);
        Assert.Equal(VmExitReason.InterruptWindow, exit.Reason);
        Assert.Equal(1u, machine.State.Gpr[VcpuState.Eax]);
    }

    [Fact]
    public void BreakpointsFireBeforeInstructionsAndAfterStores()
    {
        using var machine = new TestMachine();
        machine.BuildTables();
        machine.Assemble(0x4010, a =>
        {
            a.mov(ecx, dr6);
            a.or(esi, ecx);
            a.inc(edi);
            a.or(__dword_ptr[esp + 8], 0x10000);
            a.iretd();
        });
        machine.State.Dr[0] = TestMachine.Code + 1;
        machine.State.Dr[1] = 0x20_0000;
        machine.State.Dr7 = 0x400 | 1 | 4 | 0x00D0_0000;
        machine.Assemble(TestMachine.Code, a =>
        {
            a.nop();
            a.inc(ebx);
            a.mov(__dword_ptr[0x200002], ebx);
            a.nop();
            a.jmp(0x4800);
        });
        Assert.Equal(VmExitReason.Halt, machine.Run(100).Reason);
        Assert.Equal(2u, machine.State.Gpr[VcpuState.Edi]);
        Assert.Equal(1u, machine.State.Gpr[VcpuState.Ebx]);
        Assert.Equal(3u, machine.State.Gpr[VcpuState.Esi] & 0xF);
    }

    [Fact]
    public void CodeThatIsWrittenIsExecutedAsWritten()
    {
        using var machine = new TestMachine();
        machine.Assemble(TestMachine.Code, a =>
        {
            Label again = a.CreateLabel();
            a.mov(ecx, 2);
            a.Label(ref again);
            a.mov(eax, 1);
            a.add(ebx, eax);
            a.mov(__byte_ptr[TestMachine.Code + 6], 5);
            a.dec(ecx);
            a.jnz(again);
            a.hlt();
        });
        Assert.Equal(VmExitReason.Halt, machine.Run(100).Reason);
        Assert.Equal(6u, machine.State.Gpr[VcpuState.Ebx]);
    }

    [Fact]
    public void PortReadCompletesWithItsValue()
    {
        using var machine = new TestMachine();
        machine.Assemble(TestMachine.Code, a =>
        {
            a.mov(ecx, 2);
            a.mov(edi, 0x200000);
            a.mov(dx, 0x1F0);
            a.rep.insw();
            a.hlt();
        });
        for (uint i = 0; i < 2; i++)
        {
            VmExit exit = machine.Run(100);
            Assert.Equal((VmExitReason.PortRead, (ushort)0x1F0, (byte)2), (exit.Reason, exit.Port, exit.Size));
            machine.Cpu.CompletePortRead(0xAB00 + i);
        }

        Assert.Equal(VmExitReason.Halt, machine.Run(100).Reason);
        Assert.Equal(0xAB01_AB00, machine.Memory.Read32(0x20_0000));
        Assert.Equal(0x20_0004u, machine.State.Gpr[VcpuState.Edi]);
    }

    [Fact]
    public void PatchedCopyIsExecutedAndTheOriginalIsRead()
    {
        using var machine = new TestMachine();
        machine.Assemble(TestMachine.Code, a =>
        {
            a.mov(eax, __dword_ptr[TestMachine.Code + 5]);
            a.cli();
            a.hlt();
        });
        machine.Cpu.CodeView = new PatchedPage(machine.Memory.FrameBytes(TestMachine.Code >> 12), at: 5, value: 0x43);
        Assert.Equal(VmExitReason.Halt, machine.Run(100).Reason);
        Assert.Equal(0xFAu, machine.State.Gpr[VcpuState.Eax] & 0xFF);
        Assert.Equal(1u, machine.State.Gpr[VcpuState.Ebx]);
    }

    [Fact]
    public void GateInsideTheOverlayIsAHypercall()
    {
        using var machine = new TestMachine();
        var window = new Window();
        machine.Cpu.Overlay = window;
        machine.Assemble(TestMachine.Code, a => a.jmp(MonitorWindow.DefaultBase + MonitorWindow.TrampolineOffset));
        var shim = new Assembler(32);
        shim.mov(__dword_ptr[MonitorWindow.DefaultBase + 12], 77);
        shim.jmp(MonitorWindow.GateSelector, MonitorWindow.DefaultBase + MonitorWindow.GateOffset);
        using var stream = new MemoryStream();
        shim.Assemble(new StreamCodeWriter(stream), MonitorWindow.DefaultBase + MonitorWindow.TrampolineOffset);
        stream.ToArray().CopyTo(window.Bytes(MonitorWindow.DefaultBase + MonitorWindow.TrampolineOffset, (int)stream.Length));
        VmExit exit = machine.Run(100);
        Assert.Equal((VmExitReason.Hypercall, MonitorWindow.DefaultBase + MonitorWindow.GateOffset), (exit.Reason, exit.Value));
        Assert.Equal(77, window.Bytes(MonitorWindow.DefaultBase + 12, 1)[0]);
    }

    [Fact]
    public void StoresToFlaggedFramesAreReported()
    {
        using var machine = new TestMachine();
        var observer = new Observer();
        machine.Cpu.Observer = observer;
        machine.Cpu.FrameFlags = new byte[machine.Memory.FrameCount];
        machine.Cpu.FrameFlags[0x200] = 1;
        machine.Assemble(TestMachine.Code, a =>
        {
            a.mov(__dword_ptr[0x200010], eax);
            a.mov(__dword_ptr[0x201010], eax);
            a.mov(eax, cr3);
            a.mov(cr3, eax);
            a.hlt();
        });
        Assert.Equal(VmExitReason.Halt, machine.Run(100).Reason);
        Assert.Equal(["write 200 10 4", "cr3", "flush"], observer.Events);
    }

    private sealed class PatchedPage : ICodeView
    {
        private readonly byte[] _copy;

        public PatchedPage(ReadOnlySpan<byte> original, int at, byte value)
        {
            _copy = original.ToArray();
            _copy[at] = value;
        }

        public bool IsShim(uint linear) => false;

        public ReadOnlySpan<byte> Page(uint linearPage, uint frame, int cpl) => frame == TestMachine.Code >> 12 ? _copy : default;
    }

    private sealed class Window : ILinearOverlay
    {
        private readonly byte[] _bytes = new byte[MonitorWindow.Size];

        public bool Covers(uint linear) => linear - MonitorWindow.DefaultBase < MonitorWindow.Size;

        public bool Permits(uint linear, AccessKind access, bool user) => true;

        public Span<byte> Bytes(uint linear, int length)
        {
            int at = (int)(linear - MonitorWindow.DefaultBase);
            return _bytes.AsSpan(at, Math.Min(length, _bytes.Length - at));
        }
    }

    private sealed class Observer : ICpuObserver
    {
        public List<string> Events { get; } = [];

        public void ControlRegisterWritten(int register, uint before, uint after) => Events.Add($"cr{register}");

        public void TlbFlushed(bool includingGlobal) => Events.Add("flush");

        public void PageInvalidated(uint linear) => Events.Add("page");

        public void SegmentLoaded(SegmentIndex index) => Events.Add("segment");

        public void SegmentVerified(SegmentRegister segment) => Events.Add("verified");

        public void PhysicalWrite(uint frame, int offset, int length) => Events.Add($"write {frame:x} {offset:x} {length}");
    }
}
