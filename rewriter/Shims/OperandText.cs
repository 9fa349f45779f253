// Operands of an instruction as C# expressions over IShimContext, resolved when the shim is generated.
using Iced.Intel;

namespace Rewriter.Shims;

/// <summary>Writes operands; each method returns null for what has no short form, which leaves the instruction to the
/// interpreter.</summary>
internal static class OperandText
{
    /// <summary>The name of a general register's property; null for AH to BH and 8-bit registers other than AL.</summary>
    public static string? Register(Register register) => register switch
    {
        >= Iced.Intel.Register.EAX and <= Iced.Intel.Register.EDI => "vcpu." + Capitalised(register),
        >= Iced.Intel.Register.AX and <= Iced.Intel.Register.DI => "vcpu." + Capitalised(register),
        Iced.Intel.Register.AL => "vcpu.Al",
        _ => null,
    };

    public static string? Segment(Register register) =>
        register.IsSegmentRegister() ? $"SegmentName.{Capitalised(register)}" : null;

    /// <summary>Whether the memory operand has 16-bit addressing (prefix 67).</summary>
    public static bool HasWordAddress(in Instruction instruction) =>
        instruction.MemoryDisplSize == 2 || instruction.MemoryBase.GetSize() == 2 || instruction.MemoryIndex.GetSize() == 2;

    /// <summary>Segment and effective address, as two arguments: <c>SegmentName.Ds, vcpu.Ebx + vcpu.Ecx * 4 + 0x10u</c>.</summary>
    public static string? Address(in Instruction instruction)
    {
        if (HasWordAddress(instruction) || Segment(instruction.MemorySegment) is not string segment)
            return null;

        var terms = new List<string>();
        if (instruction.MemoryBase != Iced.Intel.Register.None)
            terms.Add(Register(instruction.MemoryBase)!);
        if (instruction.MemoryIndex != Iced.Intel.Register.None)
            terms.Add(Register(instruction.MemoryIndex)! + (instruction.MemoryIndexScale == 1 ? "" : $" * {instruction.MemoryIndexScale}"));

        string sum = string.Join(" + ", terms);
        int displacement = (int)instruction.MemoryDisplacement32;
        if (sum.Length == 0)
            sum = $"0x{displacement:x}u";
        else if (displacement != 0)
            sum += displacement < 0 && displacement > -0x1000 ? $" - 0x{-displacement:x}u" : $" + 0x{displacement:x}u";
        return $"{segment}, {sum}";
    }

    /// <summary>The value of a register or memory operand.</summary>
    /// <param name="size">In bytes; a register's own size wins, and what is wider is cut off with a cast.</param>
    public static string? Value(in Instruction instruction, int operand, int size)
    {
        switch (instruction.GetOpKind(operand))
        {
            case OpKind.Register when Register(instruction.GetOpRegister(operand)) is string register:
                return size == 2 && instruction.GetOpRegister(operand).GetSize() == 4 ? $"(ushort){register}" : register;
            case OpKind.Memory when Address(instruction) is string address:
                string cast = size switch { 1 => "(byte)", 2 => "(ushort)", _ => "" };
                return $"{cast}vcpu.ReadMemory({address}, {size})";
            default:
                return null;
        }
    }

    /// <summary>A statement expression that stores a value of <paramref name="size"/> bytes in an operand; <c>{0}</c> stands for the
    /// value.</summary>
    public static string? Store(in Instruction instruction, int operand, string value, int size)
    {
        switch (instruction.GetOpKind(operand))
        {
            case OpKind.Register when Register(instruction.GetOpRegister(operand)) is string register:
                return $"{register} = {value}";
            case OpKind.Memory when Address(instruction) is string address:
                return $"vcpu.WriteMemory({address}, {size}, {value})";
            default:
                return null;
        }
    }

    private static string Capitalised(Register register)
    {
        string name = register.ToString();
        return name[0] + name[1..].ToLowerInvariant();
    }
}
