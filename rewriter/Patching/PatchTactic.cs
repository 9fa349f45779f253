namespace Rewriter.Patching;

/// <summary>How a site is taken over. Exactly one per site.</summary>
public enum PatchTactic
{
    /// <summary>Left as it is: it traps by itself and the mode asks for no more, or a policy says so, or it is not proven to be
    /// code.</summary>
    Leave,

    /// <summary>The site itself is 5 bytes or more: jmp rel32 in its place.</summary>
    Jump,

    /// <summary>jmp rel32 over the site and the instructions that follow it, which move into the trampoline.</summary>
    JumpFollowing,

    /// <summary>jmp rel32 over instructions before the site and the site (and perhaps some after it).</summary>
    JumpPreceding,

    /// <summary>The site lies in the displaced range of another site's jump and is served by that trampoline.</summary>
    Merged,

    /// <summary>jmp rel8 to a 5-byte jmp rel32 nearby, in padding or in the displaced range of an evicted neighbour.</summary>
    ShortJump,

    /// <summary>The first byte becomes a trapping one (HLT, 0xF4).</summary>
    Trap,

    /// <summary>Of patches, not of sites: what makes room for the second jump of a <see cref="ShortJump"/> or <see cref="ChainedJump"/>.</summary>
    Evicted,

    /// <summary>jmp rel32 to a jmp rel32 in padding, anywhere in the image: for ranges whose guards no place in the window gives.</summary>
    ChainedJump,

    /// <summary>Of patches, not of sites: a branch to a displaced instruction that now leads to where that is.</summary>
    Redirected,
}
