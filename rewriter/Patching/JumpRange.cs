// One way to take over a site: which bytes a jump overwrites and what that asks of the trampoline's address.
using Iced.Intel;

namespace Rewriter.Patching;

/// <summary>A candidate for a patch.</summary>
/// <param name="Instructions">In straight line; all of them move into the trampoline.</param>
/// <param name="Padding">Bytes of filler behind the last instruction that are overwritten too.</param>
/// <param name="Prefixes">CS prefixes before the jmp, which processors ignore there; they shift the displacement to where it can be guarded.</param>
/// <param name="Constraint">What the displacement's bytes have to be.</param>
/// <param name="KnownTargets">Inner boundaries that a branch elsewhere is known to lead to; each hit costs a trap.</param>
/// <param name="Cost">Lower is better; only for comparison.</param>
public sealed record JumpRange(Instruction[] Instructions, int Padding, int Prefixes, GuardConstraint Constraint, int KnownTargets, int Cost)
{
    public const int JumpLength = 5;

    // Ignored on a near jump (Linux itself builds with -mindirect-branch-cs-prefix).
    private const byte CsPrefix = 0x2E;

    public uint Start => Instructions[0].IP32;

    /// <summary>End of the last instruction.</summary>
    public uint CodeEnd => Instructions[^1].NextIP32;

    public int Length => (int)(CodeEnd - Start) + Padding;

    /// <summary>Address that the jump's displacement counts from.</summary>
    public uint Origin => Start + (uint)(Prefixes + JumpLength);

    /// <summary>Whether a branch of the range leads forward to another instruction of it. One that leads back goes through the range's
    /// entry, so that no loop stays inside the window.</summary>
    public bool IsForwardInner(in Instruction branch, uint target) => target > branch.IP32 && target < CodeEnd;

    /// <summary>The bytes to put in the range's place: prefixes, jmp, and traps up to the end.</summary>
    public byte[] Encode(uint trampoline)
    {
        var c = new Assembler(32);
        for (int i = 0; i < Prefixes; i++)
            c.db(CsPrefix);
        c.jmp(trampoline);
        for (int i = Prefixes + JumpLength; i < Length; i++)
            c.hlt();

        using var stream = new MemoryStream(Length);
        c.Assemble(new StreamCodeWriter(stream), Start);
        return stream.ToArray();
    }
}
