// What the planner needs to know about code: asked of the scanner's map offline, of the scanned page at run time.
using Iced.Intel;
using Rewriter.Scanning;

namespace Rewriter.Patching;

/// <summary>Proven code and what is known about it. Answers must not change during one <see cref="PatchPlanner.Plan"/>.</summary>
public interface ICodeContext
{
    /// <summary>The proven instruction that starts at an address, decoded with IP = that address.</summary>
    bool TryGetInstruction(uint address, out Instruction instruction);

    /// <summary>The proven instruction that ends where <paramref name="address"/> starts and may fall through to it.</summary>
    bool TryGetPrevious(uint address, out Instruction previous);

    /// <summary>Whether a branch, a relocation, a table or a symbol is known to lead to the address.</summary>
    bool IsTarget(uint address);

    /// <summary>Whether more than one branch, or something besides branches, is known to lead to the address: a range that holds one of the
    /// branches does not hold all of them. False where that is not counted.</summary>
    bool IsSharedTarget(uint address) => false;

    /// <summary>Whether the guest patches or compares any of the bytes itself, so that they must not move as a neighbour.</summary>
    bool IsNeverDisplace(uint address, int length);

    /// <summary>The bytes around a site that the guest replaces all at once, without looking at them: a patch of the site must lie within, or
    /// half of it would be left. Null where there are none, or where a monitor sees it and plans anew.</summary>
    CodeRange? ReplacedAround(uint address) => null;

    /// <summary>Whether the instruction is never executed where it lies, but copied elsewhere by the guest: it is taken over where it
    /// lands.</summary>
    bool IsTemplate(uint address) => false;

    /// <summary>Why a site is to be left as it is, by the wish of who rewrites; null for one to be taken over.</summary>
    string? WhyLeft(uint address) => null;

    /// <summary>Whether the bytes are proven to be filler that is never executed and that nothing leads to.</summary>
    bool IsPadding(uint address, int length) => false;

    /// <summary>Whether the bytes are INT3 and nobody has executed them: filler for all that is known, which a program in order never executes.</summary>
    bool IsTrapFiller(uint address, int length) => false;

    /// <summary>Filler as <see cref="IsPadding"/> means it, at least a jmp rel32 long, by address; empty where only single pages are
    /// known.</summary>
    IReadOnlyList<CodeRange> Holes => [];

    /// <summary>Whether all that leads to an address is direct branches, and which they are. False where that is not known.</summary>
    bool TryGetBranchesTo(uint address, out IReadOnlyList<Instruction> branches)
    {
        branches = [];
        return false;
    }

    /// <summary>Offset in the monitor window of a dword whose low half is kept equal to the word that the guest kernel has at an address, or that
    /// is a selector of an LDT where it is not known; null where there is none and the guest's memory has to be read. Only at run time.</summary>
    uint? MirrorOf(uint address) => null;

    /// <summary>The original bytes.</summary>
    ReadOnlySpan<byte> Bytes(uint address, int length);
}
