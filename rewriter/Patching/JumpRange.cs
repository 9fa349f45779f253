// One way to take over a site: which bytes a jump overwrites and what that asks of the trampoline's address.
using Iced.Intel;

namespace Rewriter.Patching;

/// <summary>A candidate for a patch.</summary>
/// <param name="Instructions">In straight line; all of them move into the trampoline.</param>
/// <param name="Padding">Bytes of filler behind the last instruction that are overwritten too.</param>
/// <param name="Prefixes">CS prefixes before the jmp, which processors ignore there; they shift the displacement to where it can be
/// guarded.</param>
/// <param name="Constraint">What the displacement's bytes have to be.</param>
/// <param name="KnownTargets">Inner boundaries that a branch elsewhere is known to lead to; each hit costs a trap.</param>
/// <param name="Cost">Lower is better; only for comparison.</param>
public sealed record JumpRange(
    Instruction[] Instructions, int Padding, int Prefixes, GuardConstraint Constraint, int KnownTargets, int Cost)
{
    /// <summary>Branches elsewhere that lead to inner boundaries and are made to lead into the trampoline.</summary>
    public IReadOnlyList<Instruction> Redirected { get; init; } = [];

    /// <summary>Length of jmp rel32.</summary>
    public const int NearLength = 5;

    /// <summary>Length of jmp rel8.</summary>
    public const int ShortLength = 2;

    // Ignored on a near jump (Linux itself builds with -mindirect-branch-cs-prefix).
    private const byte CsPrefix = 0x2E;

    public uint Start => Instructions[0].IP32;

    /// <summary>End of the last instruction.</summary>
    public uint CodeEnd => Instructions[^1].NextIP32;

    public int Length => (int)(CodeEnd - Start) + Padding;

    /// <summary>Address that the jump's displacement counts from.</summary>
    public uint Origin => Start + (uint)(Prefixes + NearLength);

    /// <summary>Whether a branch of the range leads forward to another instruction of it. One that leads back goes through the range's
    /// entry, so that no loop stays inside the window.</summary>
    public bool IsForwardInner(in Instruction branch, uint target) => target > branch.IP32 && target < CodeEnd;

    /// <summary>Whether [address, address + length) has no byte in common with the range.</summary>
    public bool IsApartFrom(uint address, int length) => address + (uint)length <= Start || address >= Start + (uint)Length;

    /// <summary>The bytes to put in the range's place: prefixes, jmp rel32, and traps up to the end.</summary>
    public byte[] Encode(uint trampoline) => Encode(trampoline, GuardBytes.Hlt);

    /// <summary>The bytes of a range that goes through a landing anywhere in the image: as <see cref="Encode(uint)"/>, with what
    /// <see cref="GuardKind.Undefined"/> wants behind the jump.</summary>
    public byte[] EncodeChained(uint landing) => Encode(landing, GuardBytes.Cli);

    private byte[] Encode(uint target, byte behind)
    {
        var c = new Assembler(32);
        for (int i = 0; i < Prefixes; i++)
            c.db(CsPrefix);
        c.AddInstruction(Instruction.CreateBranch(Code.Jmp_rel32_32, target));
        if (Length > Prefixes + NearLength)
            c.db(behind);
        return Assemble(c, Math.Min(Length, Prefixes + NearLength + 1));
    }

    /// <summary>The bytes of a range that goes through a landing: jmp rel8, and traps up to the end.</summary>
    public byte[] EncodeShort(uint landing)
    {
        var c = new Assembler(32);
        c.AddInstruction(Instruction.CreateBranch(Code.Jmp_rel8_32, landing));
        return Assemble(c, ShortLength);
    }

    /// <summary>The landing itself: jmp rel32.</summary>
    public static byte[] EncodeLanding(uint landing, uint trampoline)
    {
        var c = new Assembler(32);
        c.AddInstruction(Instruction.CreateBranch(Code.Jmp_rel32_32, trampoline));
        using var stream = new MemoryStream(NearLength);
        c.Assemble(new StreamCodeWriter(stream), landing);
        return stream.ToArray();
    }

    private byte[] Assemble(Assembler c, int jump)
    {
        for (int i = jump; i < Length; i++)
            c.hlt();

        using var stream = new MemoryStream(Length);
        c.Assemble(new StreamCodeWriter(stream), Start, BlockEncoderOptions.DontFixBranches);
        return stream.ToArray();
    }
}
