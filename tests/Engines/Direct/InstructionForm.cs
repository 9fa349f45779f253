// One line of a table of instruction forms, and how to fill its operands at random.
using System.Globalization;
using Iced.Intel;
using Runtime.Engines;

namespace Tests.Engines.Direct;

/// <summary>
/// A line is <c>CODE [rep|repne|lock] [imm=FROM..TO] [REGISTER=FROM..TO | REGISTER=data]...</c>: the name of an Iced code; a prefix; a range
/// for its immediate; registers that are loaded before it. All numbers are decimal.
/// </summary>
internal sealed class InstructionForm
{
    private static readonly Register[] s_byte = [Register.AL, Register.CL, Register.DL, Register.BL, Register.AH, Register.CH, Register.DH, Register.BH];
    private static readonly Register[] s_word = [Register.AX, Register.CX, Register.DX, Register.BX, Register.BP, Register.SI, Register.DI];
    private static readonly Register[] s_dword = [Register.EAX, Register.ECX, Register.EDX, Register.EBX, Register.EBP, Register.ESI, Register.EDI];

    private readonly Code _code;
    private readonly OpCodeInfo _info;
    private readonly string _prefix = "";
    private readonly (uint From, uint To)? _immediate;

    private InstructionForm(string line)
    {
        string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        _code = Enum.Parse<Code>(words[0]);
        _info = _code.ToOpCode();
        var setup = new List<(Register, uint, uint)>();
        foreach (string word in words[1..])
        {
            string[] sides = word.Split('=');
            if (sides.Length == 1)
            {
                _prefix = word;
                continue;
            }

            (uint from, uint to) = sides[1] == "data" ? (MachineState.Data + 256, MachineState.Data + (uint)MachineState.DataSize - 256) : Range(sides[1]);
            if (sides[0] == "imm")
            {
                _immediate = (from, to);
            }
            else
            {
                setup.Add((Enum.Parse<Register>(sides[0], ignoreCase: true), from, to));
            }
        }

        Setup = setup;
    }

    /// <summary>Registers to be loaded before the instruction, with the values' range.</summary>
    public IReadOnlyList<(Register Register, uint From, uint To)> Setup { get; }

    public static IReadOnlyList<InstructionForm> Read(string table)
        => [.. File.ReadLines(Path.Combine(AppContext.BaseDirectory, "Engines", "Direct", "Cases", table))
            .Select(line => line.Trim()).Where(line => line.Length > 0 && line[0] != '#').Select(line => new InstructionForm(line))];

    /// <summary>The instruction with random operands; memory operands hit the data area, given what the registers hold now.</summary>
    public Instruction Fill(Random random, ReferenceProcessor processor, uint eip)
    {
        var instruction = new Instruction { Code = _code, IP32 = eip };
        instruction.HasRepPrefix = _prefix == "rep";
        instruction.HasRepnePrefix = _prefix == "repne";
        for (int i = 0; i < _info.OpCount; i++)
        {
            FillOperand(ref instruction, i, random, eip);
        }

        bool hasMemory = Enumerable.Range(0, _info.OpCount).Any(i => instruction.GetOpKind(i) == OpKind.Memory);
        instruction.HasLockPrefix = hasMemory && _info.CanUseLockPrefix && random.Next(8) == 0;
        if (hasMemory && instruction.MemoryIndex != Register.AL)
        {
            Aim(ref instruction, random, processor);
        }

        return instruction;
    }

    private static (uint From, uint To) Range(string text)
    {
        string[] ends = text.Split("..");
        return (uint.Parse(ends[0], CultureInfo.InvariantCulture), uint.Parse(ends[^1], CultureInfo.InvariantCulture));
    }

    private void FillOperand(ref Instruction instruction, int i, Random random, uint eip)
    {
        OpCodeOperandKind kind = _info.GetOpKind(i);
        switch (kind)
        {
            case OpCodeOperandKind.r8_or_mem or OpCodeOperandKind.r16_or_mem or OpCodeOperandKind.r32_or_mem or OpCodeOperandKind.mm_or_mem
                or OpCodeOperandKind.xmm_or_mem or OpCodeOperandKind.r32_reg_mem or OpCodeOperandKind.mem or OpCodeOperandKind.mem_offs
                when kind is OpCodeOperandKind.mem or OpCodeOperandKind.mem_offs || random.Next(2) == 0:
                instruction.SetOpKind(i, OpKind.Memory);
                break;
            case OpCodeOperandKind.r8_or_mem or OpCodeOperandKind.r8_reg or OpCodeOperandKind.r8_opcode:
                Set(ref instruction, i, s_byte, random);
                break;
            case OpCodeOperandKind.r16_or_mem or OpCodeOperandKind.r16_reg or OpCodeOperandKind.r16_rm or OpCodeOperandKind.r16_opcode:
                Set(ref instruction, i, s_word, random);
                break;
            case OpCodeOperandKind.r32_or_mem or OpCodeOperandKind.r32_reg or OpCodeOperandKind.r32_rm or OpCodeOperandKind.r32_opcode or OpCodeOperandKind.r32_reg_mem:
                Set(ref instruction, i, s_dword, random);
                break;
            case OpCodeOperandKind.mm_or_mem or OpCodeOperandKind.mm_reg or OpCodeOperandKind.mm_rm:
                instruction.SetOpRegister(i, Register.MM0 + random.Next(8));
                break;
            case OpCodeOperandKind.xmm_or_mem or OpCodeOperandKind.xmm_reg or OpCodeOperandKind.xmm_rm:
                instruction.SetOpRegister(i, Register.XMM0 + random.Next(8));
                break;
            case OpCodeOperandKind.al:
                instruction.SetOpRegister(i, Register.AL);
                break;
            case OpCodeOperandKind.cl:
                instruction.SetOpRegister(i, Register.CL);
                break;
            case OpCodeOperandKind.ax:
                instruction.SetOpRegister(i, Register.AX);
                break;
            case OpCodeOperandKind.eax:
                instruction.SetOpRegister(i, Register.EAX);
                break;
            case OpCodeOperandKind.st0:
                instruction.SetOpRegister(i, Register.ST0);
                break;
            case OpCodeOperandKind.sti_opcode:
                instruction.SetOpRegister(i, Register.ST0 + random.Next(8));
                break;
            case OpCodeOperandKind.imm8_const_1:
                SetImmediate(ref instruction, i, OpKind.Immediate8, 1);
                break;
            case OpCodeOperandKind.imm8:
                bool isSecond = i > 0 && instruction.GetOpKind(i - 1) == OpKind.Immediate16; // ENTER
                SetImmediate(ref instruction, i, isSecond ? OpKind.Immediate8_2nd : OpKind.Immediate8, isSecond ? (uint)random.Next(6) : Immediate(random) & 0xFF);
                break;
            case OpCodeOperandKind.imm8sex16:
                SetImmediate(ref instruction, i, OpKind.Immediate8to16, Immediate(random) & 0xFF);
                break;
            case OpCodeOperandKind.imm8sex32:
                SetImmediate(ref instruction, i, OpKind.Immediate8to32, Immediate(random) & 0xFF);
                break;
            case OpCodeOperandKind.imm16:
                SetImmediate(ref instruction, i, OpKind.Immediate16, Immediate(random) & 0xFFFF);
                break;
            case OpCodeOperandKind.imm32:
                SetImmediate(ref instruction, i, OpKind.Immediate32, Immediate(random));
                break;
            case OpCodeOperandKind.seg_rSI:
                instruction.SetOpKind(i, OpKind.MemorySegESI);
                break;
            case OpCodeOperandKind.es_rDI:
                instruction.SetOpKind(i, OpKind.MemoryESEDI);
                break;
            case OpCodeOperandKind.seg_rDI:
                instruction.SetOpKind(i, OpKind.MemorySegEDI);
                break;
            case OpCodeOperandKind.seg_rBX_al:
                instruction.SetOpKind(i, OpKind.Memory);
                instruction.MemoryBase = Register.EBX;
                instruction.MemoryIndex = Register.AL;
                break;
            case OpCodeOperandKind.br32_1:
                // To what follows: two bytes of opcode and displacement.
                instruction.SetOpKind(i, OpKind.NearBranch32);
                instruction.NearBranch32 = eip + 2;
                break;
            default:
                throw new NotSupportedException($"{_code}: operand kind {kind}");
        }
    }

    private static void Set(ref Instruction instruction, int i, Register[] registers, Random random) => instruction.SetOpRegister(i, registers[random.Next(registers.Length)]);

    private static void SetImmediate(ref Instruction instruction, int i, OpKind kind, uint value)
    {
        instruction.SetOpKind(i, kind);
        instruction.SetImmediate(i, kind switch
        {
            OpKind.Immediate8to16 or OpKind.Immediate8to32 => (sbyte)value,
            _ => (long)value,
        });
    }

    private uint Immediate(Random random)
    {
        if (_immediate is (uint from, uint to))
        {
            return from + (uint)random.NextInt64((long)to - from + 1);
        }

        return random.Next(4) == 0 ? RandomState.Corner(random) : (uint)random.NextInt64(1L << 32);
    }

    private static void Aim(ref Instruction instruction, Random random, ReferenceProcessor processor)
    {
        int size = Math.Max(1, instruction.MemorySize.GetSize());
        bool isOnEdge = random.Next(60) == 0;
        uint target = MachineState.Data + (isOnEdge ? MachineState.MemorySize - (uint)random.Next(size + 2) : (uint)random.Next(16, MachineState.DataSize - 512));
        if (size >= 16 && !isOnEdge && random.Next(40) != 0)
        {
            target &= ~15u;
        }

        if (instruction.OpCode.GetOpKind(0) == OpCodeOperandKind.mem_offs || (instruction.OpCount > 1 && instruction.OpCode.GetOpKind(1) == OpCodeOperandKind.mem_offs))
        {
            instruction.MemoryDisplacement32 = target;
            instruction.MemoryDisplSize = 4;
            return;
        }

        target -= BitOffset(instruction, processor);
        if (random.Next(8) != 0)
        {
            int number = random.Next(8);
            instruction.MemoryBase = Register.EAX + number;
            target -= processor.Gpr(number);
        }

        if (random.Next(3) == 0)
        {
            int number = random.Next(7);
            number += number >= VcpuState.Esp ? 1 : 0;
            int scale = random.Next(4);
            instruction.MemoryIndex = Register.EAX + number;
            instruction.MemoryIndexScale = 1 << scale;
            target -= processor.Gpr(number) << scale;
        }

        instruction.MemoryDisplacement32 = target;
        bool isShort = instruction.MemoryBase != Register.None && (int)target is >= sbyte.MinValue and <= sbyte.MaxValue;
        instruction.MemoryDisplSize = isShort ? (target == 0 ? 0 : 1) : 4;
    }

    /// <summary>BT and its kin with a register for an offset reach far beyond the operand (SDM vol. 2, BT).</summary>
    private static uint BitOffset(in Instruction instruction, ReferenceProcessor processor)
    {
        if (instruction.Mnemonic is not (Mnemonic.Bt or Mnemonic.Bts or Mnemonic.Btr or Mnemonic.Btc) || instruction.Op1Kind != OpKind.Register)
        {
            return 0;
        }

        uint value = processor.Gpr(instruction.Op1Register.GetNumber());
        return instruction.Op1Register.GetSize() == 2 ? (uint)((short)value >> 4) * 2 : (uint)((int)value >> 5) * 4;
    }
}
