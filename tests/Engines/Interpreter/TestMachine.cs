// A bare processor for tests: flat protected mode at ring 0 unless a test says otherwise.
using Iced.Intel;
using Runtime.Engines;
using Runtime.Engines.Interpreter;
using Runtime.Memory;

namespace Tests.Engines.Interpreter;

internal sealed class TestMachine : IDisposable
{
    public const uint Code = 0x10_0000;
    public const uint Scratch = 0x20_0000;
    public const uint Stack = 0x30_0000;
    public const uint Gdt = 0x1000;
    public const uint Idt = 0x2000;
    public const uint Tss = 0x3000;

    public TestMachine(uint megabytes = 16, CpuModel? model = null)
    {
        Memory = new GuestMemory(megabytes << 20);
        Cpu = new Cpu(State, Memory, model ?? CpuModel.Default, new ClockTimeStamp());
        State.Cr0 = ControlRegisters.Cr0Pe | ControlRegisters.Cr0Et | ControlRegisters.Cr0Ne;
        State.Cr4 = ControlRegisters.Cr4Osfxsr | ControlRegisters.Cr4Osxmmexcpt;
        State.Eip = Code;
        State.Gpr[VcpuState.Esp] = Stack;
        for (int i = 0; i < 6; i++)
        {
            bool code = i == (int)SegmentIndex.Cs;
            State.Segments[i] = new SegmentRegister((ushort)(code ? 0x08 : 0x10), 0, uint.MaxValue, (ushort)(code ? 0xC09B : 0xC093));
        }
    }

    public VcpuState State { get; } = new();

    public GuestMemory Memory { get; }

    public Cpu Cpu { get; }

    public void Write(uint address, params ReadOnlySpan<byte> bytes) => bytes.CopyTo(Memory.Slice(new GuestPhysicalAddress(address), bytes.Length));

    /// <summary>Assembles at an address; what follows <see cref="Code"/> runs first.</summary>
    public void Assemble(uint address, Action<Assembler> program, int bitness = 32)
    {
        var assembler = new Assembler(bitness);
        program(assembler);
        using var stream = new MemoryStream();
        assembler.Assemble(new StreamCodeWriter(stream), address);
        Write(address, stream.ToArray());
    }

    /// <summary>The vector whose HLT handler the processor stopped in, or -1.</summary>
    public int StoppedInHandler => State.Eip is > 0x4000 and < 0x5000 && (State.Eip & 0xF) == 1 ? (int)(State.Eip - 0x4000 >> 4) : -1;

    public uint StackDword(int index) => Memory.Read32(State.Gpr[VcpuState.Esp] + (uint)index * 4);

    /// <summary>Identity-maps the first 4 MiB with 4 KiB pages (tables at 0x80000 and 0x81000) and turns paging on.</summary>
    public void EnablePaging(uint flags = 7)
    {
        Memory.Write32(0x80000, 0x81000 | 7);
        for (uint i = 0; i < 1024; i++)
        {
            Memory.Write32(0x81000 + i * 4, i << 12 | flags);
        }

        State.Cr3 = 0x80000;
        State.Cr0 |= ControlRegisters.Cr0Pg | ControlRegisters.Cr0Wp;
        Cpu.FlushTlb();
    }

    public static uint PageEntry(uint linear) => 0x81000 + (linear >> 12) * 4;

    public VmExit Run(long instructions)
    {
        bool kick = false;
        return Cpu.Run(false, instructions, ref kick);
    }

    /// <summary>A GDT with ring 0 and 3 flat segments (08 10 1B 23), a TSS (28) and an IDT whose handlers are at <c>0x4000 + 16 n</c>, each HLT.</summary>
    public void BuildTables(int gateDpl = 0)
    {
        ulong[] gdt = [0, 0x00CF9B00_0000FFFF, 0x00CF9300_0000FFFF, 0x00CFFB00_0000FFFF, 0x00CFF300_0000FFFF, 0x0000_8B00_3000_0067];
        for (int i = 0; i < gdt.Length; i++)
        {
            Memory.Write64(Gdt + (uint)i * 8, gdt[i]);
        }

        State.Gdtr = new TableRegister(Gdt, (ushort)(gdt.Length * 8 - 1));
        for (uint v = 0; v < 256; v++)
        {
            uint handler = 0x4000 + v * 16;
            Memory.Write64(Idt + v * 8, handler & 0xFFFF | 8u << 16 | (ulong)(0x8E00u | (uint)gateDpl << 13) << 32 | (ulong)(handler >> 16) << 48);
            Memory.Write8(handler, 0xF4);
        }

        State.Idtr = new TableRegister(Idt, 256 * 8 - 1);
        State.Tr = new SegmentRegister(0x28, Tss, 0x67, 0x8B);
        Memory.Write32(Tss + 4, Stack);
        Memory.Write32(Tss + 8, 0x10);
    }

    public void EnterRing3()
    {
        State.Cpl = 3;
        for (int i = 0; i < 6; i++)
        {
            bool code = i == (int)SegmentIndex.Cs;
            State.Segments[i] = new SegmentRegister((ushort)(code ? 0x1B : 0x23), 0, uint.MaxValue, (ushort)(code ? 0xC0FB : 0xC0F3));
        }

        State.Gpr[VcpuState.Esp] = 0x40_0000;
    }

    public void Dispose() => Memory.Dispose();
}
