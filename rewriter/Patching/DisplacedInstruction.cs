// Neighbours of a site that move into its trampoline: which may, and how each is written there.
using Iced.Intel;
using Rewriter.Shims;

namespace Rewriter.Patching;

/// <summary>Where in a displaced range an instruction may stand.</summary>
public enum DisplacedPlace
{
    /// <summary>Not at all.</summary>
    Nowhere,

    /// <summary>Not before the site: control does not go on from it to the next instruction. A call only as the last: its return address
    /// is visible.</summary>
    Last,

    Anywhere,
}

/// <summary>Displacement rules and the re-encoding of instructions that depend on their address. In 32-bit code those are the relative
/// branches and what pushes a return address; everything else is copied byte for byte.</summary>
public static class DisplacedInstruction
{
    // Below this an address could be mistaken for a label of the assembler.
    private const uint LowestTarget = 0x1_0000;

    /// <summary>Where a plain (not sensitive) instruction may stand.</summary>
    public static DisplacedPlace PlaceOf(in Instruction instruction) => instruction.FlowControl switch
    {
        FlowControl.Next => IsX87(instruction) ? DisplacedPlace.Nowhere : DisplacedPlace.Anywhere, // x87 records its own EIP
        FlowControl.ConditionalBranch => HasFlatTarget(instruction) ? DisplacedPlace.Anywhere : DisplacedPlace.Nowhere,
        FlowControl.UnconditionalBranch or FlowControl.Call => LastIf(HasFlatTarget(instruction)), // far ones have none
        FlowControl.IndirectBranch => LastIf(instruction.Code is Code.Jmp_rm32),
        FlowControl.IndirectCall => LastIf(instruction.Code is Code.Call_rm32 && instruction.Op0Register != Register.ESP),
        FlowControl.Return => LastIf(instruction.Code is Code.Retnd or Code.Retnd_imm16),
        FlowControl.Exception => DisplacedPlace.Last, // UD2: reported with the original address
        _ => DisplacedPlace.Nowhere,
    };

    /// <summary>Whether control goes on after the instruction's code in a trampoline. A call's does not: it jumps, with the original
    /// return address pushed.</summary>
    public static bool FallsThrough(in Instruction instruction) =>
        instruction.FlowControl is FlowControl.Next or FlowControl.ConditionalBranch or FlowControl.Interrupt;

    /// <summary>The direct branch target, where the instruction has one.</summary>
    public static bool TryGetTarget(in Instruction instruction, out uint target)
    {
        target = instruction.NearBranch32;
        return instruction.Op0Kind == OpKind.NearBranch32;
    }

    /// <summary>Writes the instruction's displaced form.</summary>
    /// <param name="target">Label of a target inside the range, or null.</param>
    public static void Emit(TrampolineCode code, in Instruction instruction, ReadOnlySpan<byte> original, Label? target)
    {
        switch (instruction.FlowControl)
        {
            case FlowControl.ConditionalBranch:
                EmitConditional(code, instruction, target);
                break;
            case FlowControl.UnconditionalBranch:
                code.Assembler.jmp(instruction.NearBranch32);
                break;
            case FlowControl.Call:
                EmitCall(code, instruction);
                break;
            case FlowControl.IndirectCall when instruction.Op0Kind == OpKind.Memory:
                EmitMemoryCall(code, instruction);
                break;
            case FlowControl.IndirectCall:
                code.Assembler.push(instruction.NextIP32);
                code.Assembler.jmp(new AssemblerRegister32(instruction.Op0Register));
                break;
            default:
                code.Assembler.db(original.ToArray());
                break;
        }
    }

    // Jcc grows to its 32-bit form. LOOP and JCXZ have none:
    //     loop taken ; jmp skip ; taken: jmp target ; skip:
    private static void EmitConditional(TrampolineCode code, in Instruction instruction, Label? inner)
    {
        Assembler c = code.Assembler;
        if (instruction.IsJccShortOrNear)
        {
            c.AddInstruction(Instruction.CreateBranch(instruction.Code.ToNearBranch(), inner?.Id ?? instruction.NearBranch32));
            return;
        }

        if (inner is Label label)
        {
            c.AddInstruction(Instruction.CreateBranch(instruction.Code, label.Id));
            return;
        }

        Label taken = c.CreateLabel();
        Label skip = c.CreateLabel();
        c.AddInstruction(Instruction.CreateBranch(instruction.Code, taken.Id));
        code.Mark(instruction.NextIP32, isRestart: false);
        c.jmp(skip);
        c.Label(ref taken);
        code.Mark(instruction.NearBranch32, isRestart: false);
        c.jmp(instruction.NearBranch32);
        c.Label(ref skip);
        c.zero_bytes();
    }

    // push return address ; jmp target
    private static void EmitCall(TrampolineCode code, in Instruction instruction)
    {
        code.Assembler.push(instruction.NextIP32);
        code.Mark(instruction.NearBranch32, isRestart: false);
        code.Assembler.jmp(instruction.NearBranch32);
    }

    // The pointer is read before the return address is pushed, with every register intact:
    //     mov [S4], eax ; mov eax, [m] ; mov [S5], eax ; mov eax, [S4] ; push return address ; jmp [S5]
    private static void EmitMemoryCall(TrampolineCode code, in Instruction instruction)
    {
        Assembler c = code.Assembler;
        c.mov(code.Stub.Scratch(4), AssemblerRegisters.eax);
        c.AddInstruction(Instruction.Create(Code.Mov_r32_rm32, Register.EAX, StubAssembler.Operand(instruction, 0)));
        c.mov(code.Stub.Scratch(5), AssemblerRegisters.eax);
        c.mov(AssemblerRegisters.eax, code.Stub.Scratch(4));
        c.push(instruction.NextIP32);
        c.jmp(code.Stub.Scratch(5));
    }

    private static DisplacedPlace LastIf(bool condition) => condition ? DisplacedPlace.Last : DisplacedPlace.Nowhere;

    private static bool HasFlatTarget(in Instruction instruction) => TryGetTarget(instruction, out uint target) && target >= LowestTarget;

    private static bool IsX87(in Instruction instruction)
    {
        OpCodeInfo info = instruction.OpCode;
        return info.Table == OpCodeTableKind.Normal && info.OpCode is >= 0xD8 and <= 0xDF;
    }
}
