// A processor in a random but plausible state, in front of one instruction: for performing that instruction in two ways.
using Rewriter.Shims;
using Runtime.Abi.Shims;
using Runtime.Devices;
using Runtime.Engines;
using Runtime.Engines.Interpreter;
using Runtime.Memory;
using Runtime.Paravirt;
using Tests.Engines.Interpreter;

namespace Tests.Paravirt;

/// <summary>One of two machines that are to stay equal.</summary>
internal sealed class ShimMachine : IDisposable
{
    private const uint Directory = 0x8000;
    private const uint Ldt = 0x7000;
    private static readonly uint[] Selectors = [0, 3, 0x08, 0x0B, 0x10, 0x13, 0x1B, 0x23, 0x28, 0x30, 0x38, 0x40, 0x04, 0x0C, 0x14, 0xFFF8];
    private static readonly uint[] ModelSpecificRegisters = [0x10, 0x1B, 0x174, 0x175, 0x176, 0x1A0, 0x277, 0xC000_0080, 0x999];

    private readonly TestMachine _machine = new(6);
    private readonly Cpu _cpu;
    private readonly Ports _ports = new();
    private readonly PortBus _bus = new(DeviceTrace.None);
    private readonly Hypercalls _hypercalls;

    public ShimMachine()
    {
        _cpu = new Cpu(State, _machine.Memory, CpuModel.Default, new StoppedClock());
        _bus.Attach(_ports, 0, 0x1_0000);
        _hypercalls = new Hypercalls(_cpu, _bus, null);
    }

    public VcpuState State => _machine.State;

    public ReadOnlySpan<byte> Memory => _machine.Memory.Slice(default, 6 << 20);

    /// <summary>Makes a new state, the same for the same random numbers.</summary>
    public void Reset(Random random, byte[] instruction)
    {
        _cpu.Reset();
        _ports.Log.Clear();
        _machine.Write(TestMachine.Code, instruction);
        BuildMemory(random);
        for (int i = 0; i < 8; i++)
        {
            State.Gpr[i] = random.Next(4) switch
            {
                0 => (uint)random.NextInt64(1L << 32),
                1 => Selectors[random.Next(Selectors.Length)] | (uint)random.Next(2) << 16,
                2 => ModelSpecificRegisters[random.Next(ModelSpecificRegisters.Length)],
                _ => (random.Next(8) == 0 ? 0x48_0000u : TestMachine.Scratch) + (uint)random.Next(0x800),
            };
        }

        (State.Cr2, State.Cr3, State.Cr4) = (0, Directory, ControlRegisters.Cr4Pse | (random.Next(4) == 0 ? ControlRegisters.Cr4De | ControlRegisters.Cr4Tsd : 0));
        State.Cr0 = ControlRegisters.Cr0Pe | ControlRegisters.Cr0Et | (random.Next(2) == 0 ? ControlRegisters.Cr0Pg : 0) | (random.Next(4) == 0 ? ControlRegisters.Cr0Ts : 0);
        (State.Dr6, State.Dr7) = (0xFFFF_0FF0, random.Next(8) == 0 ? 0x2400u : 0x400);
        (State.SysenterCs, State.TscOffset, State.Efer, State.InterruptShadow) = (8, random.Next(), 0, random.Next(4) == 0);
        State.Ldtr = new SegmentRegister(0x30, Ldt, 0x1F, 0x82);
        EnterRing(random.Next(4) == 0 ? 3 : 0);
        if (random.Next(6) == 0)
        {
            State.Segments[random.Next(2) == 0 ? (int)SegmentIndex.Ds : (int)SegmentIndex.Es] = new SegmentRegister(0x10, 0, 0x1000, 0x4093);
        }

        State.Gpr[VcpuState.Esp] = TestMachine.Stack - (uint)random.Next(16) * 4;
        State.Eip = TestMachine.Code;
        const uint varied = FlagBits.Arithmetic | FlagBits.If | FlagBits.Iopl | FlagBits.Df;
        State.Eflags = 2 | (uint)random.Next() & varied | (random.Next(8) == 0 ? FlagBits.Tf : 0);
    }

    /// <summary>As the interpreter has it.</summary>
    public VmExitReason Interpret()
    {
        VmExit exit = _cpu.Step();
        if (exit.Reason == VmExitReason.PortRead)
        {
            _cpu.CompletePortRead(_bus.Read(exit.Port, exit.Size));
        }
        else if (exit.Reason == VmExitReason.PortWrite)
        {
            _bus.Write(exit.Port, exit.Size, exit.Value);
        }

        return exit.Reason is VmExitReason.PortRead or VmExitReason.PortWrite ? VmExitReason.None : exit.Reason;
    }

    /// <summary>As a shim has it.</summary>
    public VmExitReason Perform(Action<IShimContext> shim, int length)
    {
        _hypercalls.Load([new HostShim(shim, length)]);
        VmExit exit = _hypercalls.Perform(0, out _);
        if (exit.Reason == VmExitReason.PortRead)
        {
            _cpu.CompletePortRead(_bus.Read(exit.Port, exit.Size));
        }
        else if (exit.Reason == VmExitReason.PortWrite)
        {
            _bus.Write(exit.Port, exit.Size, exit.Value);
        }

        return exit.Reason is VmExitReason.PortRead or VmExitReason.PortWrite ? VmExitReason.None : exit.Reason;
    }

    /// <summary>Everything about the processor, and what the ports saw.</summary>
    public override string ToString()
        => $"{State} dr6={State.Dr6:x} dr7={State.Dr7:x} dr=[{string.Join(' ', State.Dr[..].ToArray())}] gdtr={State.Gdtr} idtr={State.Idtr} ldtr={State.Ldtr} tr={State.Tr}"
            + $" efer={State.Efer:x} sysenter={State.SysenterCs:x} {State.SysenterEsp:x} {State.SysenterEip:x} tsc={State.TscOffset} shadow={State.InterruptShadow}"
            + $" segments={string.Join(' ', State.Segments[..].ToArray())} ports={string.Join(' ', _ports.Log)}";

    public void Dispose() => _machine.Dispose();

    private void EnterRing(int ring)
    {
        if (ring == 3)
        {
            _machine.EnterRing3();
            return;
        }

        State.Cpl = 0;
        for (int i = 0; i < 6; i++)
        {
            bool isCode = i == (int)SegmentIndex.Cs;
            State.Segments[i] = new SegmentRegister((ushort)(isCode ? 0x08 : 0x10), 0, uint.MaxValue, (ushort)(isCode ? 0xC09B : 0xC093));
        }
    }

    private void BuildMemory(Random random)
    {
        GuestMemory memory = _machine.Memory;
        _machine.BuildTables(random.Next(2) * 3);
        memory.Write64(TestMachine.Gdt + 0x30, 0x0000_8200_7000_001F);
        memory.Write64(TestMachine.Gdt + 0x38, 0x0000_8900_3000_0067);
        memory.Write64(TestMachine.Gdt + 0x40, 0x0040_1200_0000_FFFF); // not present
        State.Gdtr = new TableRegister(TestMachine.Gdt, 0x47);
        memory.Write64(Ldt + 0x08, 0x00CF_F300_0000_FFFF);
        memory.Write64(Ldt + 0x10, 0x00CF_9B00_0000_FFFF);

        // 4 MiB pages: the first, with the code, was accessed; the second is sometimes the kernel's alone; the rest are absent.
        for (uint i = 0; i < 1024; i++)
        {
            memory.Write32(Directory + i * 4, i < 2 ? i << 22 | 0x83 | (i == 0 ? 0x24u : (uint)random.Next(2) << 2) : 0);
        }

        for (uint at = TestMachine.Scratch; at < TestMachine.Scratch + 0x1000; at += 4)
        {
            memory.Write32(at, random.Next(2) == 0 ? (uint)random.Next() : Selectors[random.Next(Selectors.Length)]);
        }

        // What IRET, POPF and POP sreg find.
        for (uint at = TestMachine.Stack - 0x100; at < TestMachine.Stack + 0x40; at += 4)
        {
            uint flags = 2 | (uint)random.Next() & (FlagBits.Arithmetic | FlagBits.If | FlagBits.Iopl | FlagBits.Nt);
            memory.Write32(at, random.Next(3) switch { 0 => flags, 1 => Selectors[random.Next(Selectors.Length)], _ => TestMachine.Scratch + (uint)random.Next(0x1000) });
        }
    }

    private sealed class StoppedClock : ITimeStamp
    {
        public ulong Read() => 0x1234_5678_9ABC_DEF0;
    }

    private sealed class Ports : IPortDevice
    {
        public List<string> Log { get; } = [];

        public int WidestAccess(int offset) => 4;

        public uint Read(int offset, int size)
        {
            Log.Add($"in{size} {offset:x}");
            return (uint)(0x9E37_79B9 * (uint)(offset + 1)) >> 32 - 8 * size;
        }

        public void Write(int offset, int size, uint value) => Log.Add($"out{size} {offset:x} {value:x}");
    }
}
