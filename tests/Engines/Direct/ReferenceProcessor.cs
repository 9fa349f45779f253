// Runs the same on the interpreter, instruction by instruction: ring 3, paging, exceptions delivered to ring 0 and read from its stack.
using Runtime.Engines;
using Runtime.Engines.Interpreter;
using Runtime.Memory;

namespace Tests.Engines.Direct;

internal sealed class ReferenceProcessor : IDisposable
{
    private const uint Gdt = 0x1000, Idt = 0x2000, Tss = 0x3000, Handler = 0x4000, Directory = 0x5000, Table = 0x6000, KernelStack = 0x8000;
    private const uint KernelPages = 9;

    private readonly GuestMemory _memory = new(4 << 20);
    private readonly VcpuState _state = new();
    private readonly Cpu _cpu;

    public ReferenceProcessor()
    {
        _cpu = new Cpu(_state, _memory, CpuModel.Default, new ClockTimeStamp());
        BuildTables();
    }

    public uint Eip => _state.Eip;

    public uint Gpr(int index) => _state.Gpr[index];

    /// <summary>Puts a state in place; execution begins at <see cref="MachineState.Code"/>.</summary>
    public void Load(MachineState start)
    {
        for (int i = 0; i < 8; i++)
        {
            _state.Gpr[i] = start.Gpr[i];
        }

        _state.Eip = MachineState.Code;
        _state.Eflags = start.Eflags;
        _state.Cpl = 3;
        for (int i = 0; i < 6; i++)
        {
            bool isCode = i == (int)SegmentIndex.Cs;
            _state.Segments[i] = new SegmentRegister((ushort)(isCode ? 0x1B : 0x23), 0, uint.MaxValue, (ushort)(isCode ? 0xC0FB : 0xC0F3));
        }

        start.Fx.CopyTo(_state.Fx, 0);
        start.Memory.CopyTo(_memory.Slice(new GuestPhysicalAddress(MachineState.Data), MachineState.MemorySize));
    }

    /// <summary>Executes one instruction, written to where EIP is.</summary>
    /// <returns>False when it ended in an exception.</returns>
    public bool Step(ReadOnlySpan<byte> instruction)
    {
        instruction.CopyTo(_memory.Slice(new GuestPhysicalAddress(_state.Eip), instruction.Length));
        uint before = _state.Eip;
        do
        {
            _cpu.Step();
        }
        while (_state.Cpl == 3 && _state.Eip == before); // a repeated string instruction may take several steps
        return _state.Cpl == 3;
    }

    /// <summary>What the exception that just came left behind.</summary>
    public MachineState ReadAfterException()
    {
        byte vector = (byte)((_state.Eip - Handler) / 16);
        uint frame = _state.Gpr[VcpuState.Esp];
        bool isPageFault = vector == 14;
        uint error = 0;
        if (vector is 8 or (>= 10 and <= 14) or 17)
        {
            error = _memory.Read32(frame);
            frame += 4;
        }

        var end = new MachineState
        {
            Eflags = _memory.Read32(frame + 8),
            Ending = new Ending(vector, _memory.Read32(frame), isPageFault ? _state.Cr2 : 0, isPageFault && (error & PageBits.FaultWrite) != 0),
        };
        for (int i = 0; i < 8; i++)
        {
            end.Gpr[i] = i == VcpuState.Esp ? _memory.Read32(frame + 12) : _state.Gpr[i];
        }

        _memory.Slice(new GuestPhysicalAddress(MachineState.Data), MachineState.MemorySize).CopyTo(end.Memory);
        _state.Fx.CopyTo(end.Fx, 0);
        return end;
    }

    public void Dispose() => _memory.Dispose();

    private void BuildTables()
    {
        ulong[] gdt = [0, 0x00CF9B00_0000FFFF, 0x00CF9300_0000FFFF, 0x00CFFB00_0000FFFF, 0x00CFF300_0000FFFF];
        for (int i = 0; i < gdt.Length; i++)
        {
            _memory.Write64(Gdt + ((uint)i * 8), gdt[i]);
        }

        for (uint v = 0; v < 32; v++)
        {
            uint handler = Handler + (v * 16);
            // A 32-bit interrupt gate to ring 0; BOUND, INTO and INT3 may be used from ring 3.
            _memory.Write64(Idt + (v * 8), (handler & 0xFFFF) | 8u << 16 | 0xEE00ul << 32 | (ulong)(handler >> 16) << 48);
        }

        _memory.Write32(Tss + 4, KernelStack);
        _memory.Write32(Tss + 8, 0x10);
        _memory.Write32(Directory, Table | PageBits.Present | PageBits.Writable | PageBits.User);
        for (uint page = 1; page < KernelPages; page++)
        {
            Show(page << 12, PageBits.Present | PageBits.Writable);
        }

        Show(MachineState.Code, PageBits.Present | PageBits.User);
        for (uint offset = 0; offset < MachineState.MemorySize; offset += 4096)
        {
            Show(MachineState.Data + offset, PageBits.Present | PageBits.Writable | PageBits.User);
        }

        _state.Gdtr = new TableRegister(Gdt, (ushort)((gdt.Length * 8) - 1));
        _state.Idtr = new TableRegister(Idt, (32 * 8) - 1);
        _state.Tr = new SegmentRegister(0x28, Tss, 0x67, 0x8B);
        _state.Cr3 = Directory;
        _state.Cr4 = ControlRegisters.Cr4Osfxsr | ControlRegisters.Cr4Osxmmexcpt;
        _state.Cr0 = ControlRegisters.Cr0Pe | ControlRegisters.Cr0Et | ControlRegisters.Cr0Ne | ControlRegisters.Cr0Wp | ControlRegisters.Cr0Pg;
    }

    private void Show(uint address, uint rights) => _memory.Write32(Table + (address >> 12) * 4, address | rights);
}
