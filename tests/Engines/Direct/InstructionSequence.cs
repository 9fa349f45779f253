// A random sequence: generated while the interpreter executes it, so that its memory operands can be aimed.
using Iced.Intel;
using Runtime.Engines;

namespace Tests.Engines.Direct;

/// <summary>Code from a table of forms, and what the interpreter made of it.</summary>
internal sealed class InstructionSequence
{
    private const int MaximumLength = 10;
    private const byte Hlt = 0xF4;

    private readonly List<Instruction> _instructions = [];
    private readonly List<byte> _code = [];

    private InstructionSequence(MachineState start) => Start = start;

    public MachineState Start { get; }

    public MachineState End { get; private set; } = null!;

    /// <summary>Flags that mean nothing at the end.</summary>
    public uint UndefinedFlags { get; private set; }

    /// <summary>C1 of the x87 status word means nothing at the end.</summary>
    public bool IsC1Undefined { get; private set; }

    public byte[] Code => [.. _code];

    public int Length => _instructions.Count;

    public static InstructionSequence Generate(Random random, IReadOnlyList<InstructionForm> forms, ReferenceProcessor processor)
    {
        var sequence = new InstructionSequence(RandomState.Make(random));
        var undefined = new UndefinedFlags();
        processor.Load(sequence.Start);
        int length = 1 + random.Next(MaximumLength);
        bool runs = true;
        while (runs && sequence._instructions.Count < length)
        {
            InstructionForm form = forms[random.Next(forms.Count)];
            foreach ((Register register, uint from, uint to) in form.Setup)
            {
                uint value = from + (uint)random.NextInt64((long)to - from + 1);
                Instruction load = register.GetSize() == 1
                    ? Instruction.Create(Iced.Intel.Code.Mov_r8_imm8, register, (int)value)
                    : Instruction.Create(Iced.Intel.Code.Mov_r32_imm32, register, value);
                sequence.Append(load, processor, undefined);
            }

            Instruction instruction = form.Fill(random, processor, processor.Eip);
            if (!undefined.Matter(instruction))
            {
                runs = sequence.Append(instruction, processor, undefined);
            }
        }

        if (runs)
        {
            sequence._code.Add(Hlt);
            processor.Step([Hlt]);
        }

        sequence.End = processor.ReadAfterException();
        (sequence.UndefinedFlags, sequence.IsC1Undefined) = (undefined.Mask, undefined.IsC1Undefined);
        return sequence;
    }

    /// <summary>The first instructions of this sequence, executed anew.</summary>
    public InstructionSequence Prefix(int count, ReferenceProcessor processor)
    {
        var prefix = new InstructionSequence(Start);
        var undefined = new UndefinedFlags();
        processor.Load(Start);
        bool runs = true;
        for (int i = 0; i < count && runs; i++)
        {
            runs = prefix.Append(_instructions[i], processor, undefined);
        }

        if (runs)
        {
            prefix._code.Add(Hlt);
            processor.Step([Hlt]);
        }

        prefix.End = processor.ReadAfterException();
        (prefix.UndefinedFlags, prefix.IsC1Undefined) = (undefined.Mask, undefined.IsC1Undefined);
        return prefix;
    }

    public string Disassemble()
    {
        var formatter = new NasmFormatter();
        var output = new StringOutput();
        var text = new System.Text.StringBuilder();
        uint at = 0;
        foreach (Instruction instruction in _instructions)
        {
            formatter.Format(instruction, output);
            string bytes = Convert.ToHexStringLower(_code.ToArray().AsSpan((int)at, instruction.Length));
            text.Append($"    {MachineState.Code + at:x} {bytes,-24} {output.ToStringAndReset()}\n");
            at += (uint)instruction.Length;
        }

        return text.ToString();
    }

    private bool Append(Instruction instruction, ReferenceProcessor processor, UndefinedFlags undefined)
    {
        var writer = new ByteListWriter();
        uint length = Encoder.Create(32, writer).Encode(instruction, processor.Eip);
        instruction.Length = (int)length;
        instruction.IP32 = processor.Eip;
        instruction.NextIP32 = processor.Eip + length;
        byte cl = (byte)processor.Gpr(VcpuState.Ecx);
        _instructions.Add(instruction);
        _code.AddRange(writer.Bytes);
        bool runs = processor.Step([.. writer.Bytes]);
        if (runs)
        {
            undefined.Pass(instruction, cl);
        }

        return runs;
    }

    private sealed class ByteListWriter : CodeWriter
    {
        public List<byte> Bytes { get; } = [];

        public override void WriteByte(byte value) => Bytes.Add(value);
    }
}
