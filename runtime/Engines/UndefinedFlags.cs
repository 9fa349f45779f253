// Which flags mean nothing after an instruction: Iced's table (the SDM's), made exact for shifts and rotates, whose count decides.
using Iced.Intel;

namespace Runtime.Engines;

/// <summary>Follows a sequence and knows which flags may differ from processor to processor.</summary>
internal sealed class UndefinedFlags
{
    public uint Mask { get; private set; }

    /// <summary>Whether C1 of the x87 status word may differ: FFREE leaves it undefined, and not every maker's FCOMI clears it.</summary>
    public bool IsC1Undefined { get; private set; }

    /// <summary>Whether the outcome of an instruction depends on a flag that means nothing.</summary>
    public bool Matter(in Instruction instruction)
        => (Bits(instruction.RflagsRead) & Mask) != 0 || (IsC1Undefined && instruction.Mnemonic is Mnemonic.Fnstsw);

    /// <summary>Accounts for an instruction.</summary>
    /// <param name="cl">CL before it.</param>
    public void Pass(in Instruction instruction, byte cl)
    {
        (uint defined, uint undefined) = instruction.Mnemonic switch
        {
            Mnemonic.Shl or Mnemonic.Sal or Mnemonic.Shr or Mnemonic.Sar => Shift(instruction, Count(instruction, cl)),
            Mnemonic.Shld or Mnemonic.Shrd => DoubleShift(Count(instruction, cl)),
            Mnemonic.Rol or Mnemonic.Ror or Mnemonic.Rcl or Mnemonic.Rcr => Rotate(Count(instruction, cl)),
            // On processors without BMI1 these bytes are BSF and BSR, with other flags: guests can rely on neither.
            Mnemonic.Tzcnt or Mnemonic.Lzcnt => (FlagBits.Arithmetic, FlagBits.Arithmetic),
            _ => (Bits(instruction.RflagsWritten | instruction.RflagsCleared | instruction.RflagsSet), Bits(instruction.RflagsUndefined)),
        };
        Mask = (Mask & ~defined) | undefined;
        IsC1Undefined |= instruction.Mnemonic is Mnemonic.Ffree or Mnemonic.Fcomi or Mnemonic.Fcomip or Mnemonic.Fucomi or Mnemonic.Fucomip;
    }

    private static (uint Defined, uint Undefined) Shift(in Instruction instruction, int count)
    {
        if (count == 0)
        {
            return (0, 0);
        }

        // SDM vol. 2, SAL/SAR/SHL/SHR: CF is undefined for SHL and SHR where the count is not below the operand's size.
        int size = OperandBits(instruction);
        uint undefined = FlagBits.Af | (count == 1 ? 0 : FlagBits.Of) | (instruction.Mnemonic != Mnemonic.Sar && count >= size ? FlagBits.Cf : 0);
        return (FlagBits.Arithmetic, undefined);
    }

    private static (uint Defined, uint Undefined) DoubleShift(int count)
        => count == 0 ? (0, 0) : (FlagBits.Arithmetic, FlagBits.Af | (count == 1 ? 0 : FlagBits.Of));

    private static (uint Defined, uint Undefined) Rotate(int count)
        => count == 0 ? (0, 0) : (FlagBits.Cf | FlagBits.Of, count == 1 ? 0 : FlagBits.Of);

    private static int Count(in Instruction instruction, byte cl)
    {
        int last = instruction.OpCount - 1;
        return (instruction.GetOpKind(last) == OpKind.Register ? cl : (int)instruction.GetImmediate(last)) & 31;
    }

    private static int OperandBits(in Instruction instruction)
        => 8 * (instruction.Op0Kind == OpKind.Register ? instruction.Op0Register.GetSize() : instruction.MemorySize.GetSize());

    private static uint Bits(RflagsBits flags)
    {
        uint bits = 0;
        bits |= (flags & RflagsBits.CF) != 0 ? FlagBits.Cf : 0;
        bits |= (flags & RflagsBits.PF) != 0 ? FlagBits.Pf : 0;
        bits |= (flags & RflagsBits.AF) != 0 ? FlagBits.Af : 0;
        bits |= (flags & RflagsBits.ZF) != 0 ? FlagBits.Zf : 0;
        bits |= (flags & RflagsBits.SF) != 0 ? FlagBits.Sf : 0;
        bits |= (flags & RflagsBits.OF) != 0 ? FlagBits.Of : 0;
        return bits;
    }
}
