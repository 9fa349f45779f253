// A small guest kernel, written with Iced's assembler inside a test, with tables made ready for it and traps that report themselves.
using Iced.Intel;
using Runtime.Engines;
using Runtime.Memory;
using static Iced.Intel.AssemblerRegisters;

namespace Tests.Engines.Conformance;

/// <summary>
/// Memory: GDT, IDT, TSS and page tables from <see cref="Gdt"/> on, stacks below 640 KiB, code at 1 MiB, free memory from
/// <see cref="Data"/> to 16 MiB. It begins in ring 0 without paging, or with 0 to 4 MiB mapped onto itself.
/// </summary>
internal sealed class GuestProgram
{
    public const uint Gdt = 0x2_0000, Idt = 0x2_1000, Tss = 0x2_2000, Ldt = 0x2_3000, Resume = 0x2_4000, TrapStack = 0x8_0000, Stack = 0x9_0000;
    public const uint Directory = 0x4_0000, Table = 0x4_1000, SpareTable = 0x4_2000, Handlers = 0x3_0000;
    public const uint Start = 0x10_0000, Elsewhere = 0x11_0000, Data = 0x20_0000, UserStack = 0x31_0000;
    public const int MemoryBytes = 16 << 20;

    public const ushort KernelCode = 0x08, KernelData = 0x10, UserCode = 0x1B, UserData = 0x23;

    /// <summary>A data segment from <see cref="Data"/>, 16 bytes long; a writable one from Data + 1000H with 4 GiB less that.</summary>
    public const ushort ShortData = 0x30, BasedData = 0x38;

    public const ushort TrapPort = 0xE0, ValuePort = 0xE8, RequestInterruptPort = 0xEA, EndPort = 0xF4;

    public const byte InterruptVector = 0x20;

    private readonly List<(uint Address, byte[] Bytes)> _blobs = [];
    private readonly List<(uint Address, Assembler Code)> _parts = [];
    private readonly List<(uint Address, AssemblerResult Result, Assembler Code)> _assembled = [];

    public GuestProgram() => Main = Part(Start);

    /// <summary>Where execution begins.</summary>
    public Assembler Main { get; }

    /// <summary>Whether paging is on at the start.</summary>
    public bool Paging { get; init; }

    /// <summary>Bytes of the part at an address, once assembled.</summary>
    public byte[] BytesAt(uint address) => _blobs.Single(blob => blob.Address == address).Bytes;

    /// <summary>Further code at another address.</summary>
    public Assembler Part(uint address)
    {
        var code = new Assembler(32);
        _parts.Add((address, code));
        return code;
    }

    /// <summary>Bytes put into memory before the start.</summary>
    public void Place(uint address, params byte[] bytes) => _blobs.Add((address, bytes));

    public void Place32(uint address, params uint[] words) => _blobs.Add((address, [.. words.SelectMany(BitConverter.GetBytes)]));

    /// <summary>Emits: the next trap goes on at a label. Changes no flag and no register.</summary>
    public void OnTrapGoTo(Label label, Assembler? code = null)
    {
        PushAddress(label, code);
        (code ?? Main).pop(__dword_ptr[Resume]);
    }

    /// <summary>Emits: push an address that leads to a label.</summary>
    public void PushAddress(Label label, Assembler? code = null)
    {
        Assembler a = code ?? Main;
        Label over = a.CreateLabel();
        a.call(over);
        a.jmp(label);
        a.Label(ref over);
    }

    /// <summary>Emits: log EAX.</summary>
    public void Report(Assembler? code = null) => (code ?? Main).@out(ValuePort & 0xFF, eax);

    /// <summary>Emits: log a dword in memory. Clobbers EAX.</summary>
    public void Report(uint address)
    {
        Main.mov(eax, __dword_ptr[address]);
        Report();
    }

    /// <summary>Emits: it is over.</summary>
    public void End(Assembler? code = null) => (code ?? Main).@out(EndPort & 0xFF, al);

    /// <summary>The address of a label of the main part.</summary>
    public string At(Label label) => _assembled.Single(part => part.Code == Main).Result.GetLabelRIP(label).ToString("x");

    /// <summary>Puts everything into memory and the processor to its start.</summary>
    public void Load(GuestMemory memory, VcpuState state)
    {
        foreach ((uint address, Assembler code) in _parts)
        {
            var stream = new MemoryStream();
            _assembled.Add((address, code.Assemble(new StreamCodeWriter(stream), address, BlockEncoderOptions.ReturnNewInstructionOffsets), code));
            _blobs.Add((address, stream.ToArray()));
        }

        _blobs.Add((Handlers, TrapHandlers.Assemble(out uint[] entries)));
        BuildTables(memory, entries);
        foreach ((uint address, byte[] bytes) in _blobs)
        {
            bytes.CopyTo(memory.Slice(new GuestPhysicalAddress(address), bytes.Length));
        }

        state.Eip = Start;
        state.Eflags = 2;
        state.Gpr[VcpuState.Esp] = Stack;
        state.Cr0 = ControlRegisters.Cr0Pe | ControlRegisters.Cr0Et | ControlRegisters.Cr0Ne | (Paging ? ControlRegisters.Cr0Pg | ControlRegisters.Cr0Wp : 0);
        state.Cr3 = Paging ? Directory : 0;
        state.Cr4 = ControlRegisters.Cr4Pse | ControlRegisters.Cr4Osfxsr | ControlRegisters.Cr4Osxmmexcpt;
        for (int i = 0; i < 6; i++)
        {
            bool isCode = i == (int)SegmentIndex.Cs;
            state.Segments[i] = new SegmentRegister(isCode ? KernelCode : KernelData, 0, uint.MaxValue, (ushort)(isCode ? 0xC09B : 0xC093));
        }

        state.Gdtr = new TableRegister(Gdt, 0x47);
        state.Idtr = new TableRegister(Idt, 0x7FF);
        state.Tr = new SegmentRegister(0x28, Tss, 0x67, 0x8B);
    }

    private static void BuildTables(GuestMemory memory, uint[] entries)
    {
        ulong[] gdt =
        [
            0, 0x00CF9B00_0000FFFF, 0x00CF9300_0000FFFF, 0x00CFFB00_0000FFFF, 0x00CFF300_0000FFFF,
            0x0000_8B00_0000_0067 | (ulong)(Tss & 0xFF_FFFF) << 16,
            0x0040_F300_0000_000F | (ulong)(Data & 0xFF_FFFF) << 16, // DPL 3, byte granular
            0x00CF_F300_0000_FFFF | (ulong)((Data + 0x1000) & 0xFF_FFFF) << 16,
            0x0000_8200_0000_001F | (ulong)(Ldt & 0xFF_FFFF) << 16, // 40H: the LDT
        ];
        for (int i = 0; i < gdt.Length; i++)
        {
            memory.Write64(Gdt + ((uint)i * 8), gdt[i]);
        }

        // LDT entry 1 (selector 0FH): data from Data + 2000H, 4 KiB long.
        memory.Write64(Ldt + 8, 0x0040_F300_0000_0FFF | (ulong)((Data + 0x2000) & 0xFF_FFFF) << 16);
        for (uint v = 0; v < entries.Length; v++)
        {
            bool forAll = v is 3 or 4 or 0x80;
            memory.Write64(Idt + (v * 8), (entries[v] & 0xFFFF) | (uint)KernelCode << 16 | (forAll ? 0xEE00ul : 0x8E00) << 32 | (ulong)(entries[v] >> 16) << 48);
        }

        memory.Write32(Tss + 4, TrapStack);
        memory.Write32(Tss + 8, KernelData);
        memory.Write32(Directory, Table | 7);
        for (uint page = 0; page < 1024; page++)
        {
            memory.Write32(Table + (page * 4), page << 12 | 7);
        }
    }
}
