// The last instructions that a processor has executed: for reports, and to know which flags mean nothing by now.
using Iced.Intel;
using Runtime.Engines.Interpreter;
using Runtime.Memory;

namespace Runtime.Engines;

/// <summary>A ring of instruction addresses on one interpreter. What they were is read from RAM when it is asked for.</summary>
internal sealed class InstructionTrail(Cpu cpu, GuestMemory memory)
{
    private const int Capacity = 1 << 10;
    private const int LongestInstruction = 15;

    private readonly (uint Eip, uint Esp, byte Cl)[] _ring = new (uint, uint, byte)[Capacity];
    private long _count;
    private long _agreed;

    /// <summary>How many were noted in all.</summary>
    public long Count => _count;

    /// <summary>Notes the instruction that the processor executes next.</summary>
    public void Add() => _ring[_count++ & (Capacity - 1)] = (cpu.State.Eip, cpu.State.Gpr[VcpuState.Esp], (byte)cpu.State.Gpr[VcpuState.Ecx]);

    /// <summary>All flags mean the same on both sides here.</summary>
    public void Agree() => _agreed = _count;

    /// <summary>Flags that the instructions since <see cref="Agree"/> have left undefined (SDM vol. 1, appendix A): those that are so now, and
    /// those that were at any time, when a copy of the flags may have been stored.</summary>
    public (uint Now, uint Ever) UndefinedFlags()
    {
        var flags = new UndefinedFlags();
        uint ever = 0;
        foreach ((Instruction instruction, _, byte cl) in SinceAgreement())
        {
            flags.Pass(instruction, cl);
            ever |= flags.Mask;
        }

        return (flags.Mask, ever);
    }

    /// <summary>Linear addresses of the dwords to which segment registers were pushed since <see cref="Agree"/>: processors write all of it,
    /// zero-extended, or its lower half only (SDM vol. 2, PUSH).</summary>
    public IEnumerable<uint> PushedSelectors()
        => from executed in SinceAgreement()
           where executed.Instruction.Code is Code.Pushd_ES or Code.Pushd_CS or Code.Pushd_SS or Code.Pushd_DS or Code.Pushd_FS or Code.Pushd_GS
           select cpu.State.Segments[(int)SegmentIndex.Ss].Base + executed.Esp - 4;

    /// <summary>The last instructions, oldest first: address and text.</summary>
    public IEnumerable<(uint Eip, string Text)> Last(int count)
    {
        for (long i = Math.Max(0, _count - Math.Min(count, Capacity)); i < _count; i++)
        {
            uint eip = _ring[i & (Capacity - 1)].Eip;
            yield return (eip, Disassemble(eip));
        }
    }

    /// <summary>Bytes and text of the instruction at an address.</summary>
    public string Disassemble(uint eip)
    {
        if (!TryDecode(eip, out Instruction instruction))
        {
            return "?";
        }

        var text = new StringOutput();
        new NasmFormatter().Format(instruction, text);
        return $"{Convert.ToHexStringLower(Bytes(eip).AsSpan(0, instruction.Length)),-16} {text.ToStringAndReset()}";
    }

    /// <summary>Whether a repeated string instruction that accesses memory alone is at an address: it may be met half done.</summary>
    public bool IsRepeated(uint eip)
        => cpu.TryTranslate(cpu.State.Segments[(int)SegmentIndex.Cs].Base + eip, AccessKind.Fetch, false, false, out PageTranslation translation, out _)
            && IsPrefix(memory.Read8(translation.Physical)) && TryDecode(eip, out Instruction instruction)
            && (instruction.HasRepPrefix || instruction.HasRepnePrefix) && instruction.IsStringInstruction
            && instruction.Mnemonic is not (Mnemonic.Insb or Mnemonic.Insw or Mnemonic.Insd or Mnemonic.Outsb or Mnemonic.Outsw or Mnemonic.Outsd);

    /// <summary>REP, REPNE, or what may stand before them (SDM vol. 2, 2.1.1).</summary>
    private static bool IsPrefix(byte value) => value is 0xF2 or 0xF3 or 0x66 or 0x67 or 0x26 or 0x2E or 0x36 or 0x3E or 0x64 or 0x65;

    private IEnumerable<(Instruction Instruction, uint Esp, byte Cl)> SinceAgreement()
    {
        for (long i = Math.Max(_agreed, _count - Capacity); i < _count; i++)
        {
            (uint eip, uint esp, byte cl) = _ring[i & (Capacity - 1)];
            if (TryDecode(eip, out Instruction instruction))
            {
                yield return (instruction, esp, cl);
            }
        }
    }

    private bool TryDecode(uint eip, out Instruction instruction)
    {
        byte[] bytes = Bytes(eip);
        bool is32 = cpu.State.Segments[(int)SegmentIndex.Cs].Is32Bit && !cpu.State.Virtual8086;
        var decoder = Decoder.Create(is32 ? 32 : 16, new ByteArrayCodeReader(bytes), eip);
        decoder.Decode(out instruction);
        return decoder.LastError == DecoderError.None;
    }

    private byte[] Bytes(uint eip)
    {
        var bytes = new byte[LongestInstruction];
        uint linear = cpu.State.Segments[(int)SegmentIndex.Cs].Base + eip;
        int have = 0;
        while (have < LongestInstruction
            && cpu.TryTranslate(linear + (uint)have, AccessKind.Fetch, false, false, out PageTranslation translation, out _)
            && translation.Physical < memory.Length)
        {
            int inPage = Math.Min(LongestInstruction - have, GuestMemory.FrameSize - (int)(translation.Physical & 0xFFF));
            memory.Slice(new GuestPhysicalAddress(translation.Physical), inPage).CopyTo(bytes.AsSpan(have));
            have += inPage;
        }

        return bytes[..have];
    }
}
