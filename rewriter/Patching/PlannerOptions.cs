namespace Rewriter.Patching;

/// <summary>Choices that change a plan; part of what makes it reproducible.</summary>
public sealed record PlannerOptions
{
    public static PlannerOptions Default { get; } = new();

    /// <summary>The code runs at the guest's CPL 3: shims may not touch <c>WindowData</c>, so each of them is a gate.</summary>
    public bool UserMode { get; init; }

    /// <summary>Whether an overwritten range may lie on two pages. Not at run time, where pages come and go one by one.</summary>
    public bool AllowPageCrossing { get; init; }

    /// <summary>Whether jumps by way of another one, <see cref="PatchTactic.ShortJump"/> and <see cref="PatchTactic.ChainedJump"/>, may be
    /// used.</summary>
    public bool AllowShortJumps { get; init; } = true;

    /// <summary>Whether such a jump may land in padding. Not at run time, where nobody has proven that padding is never executed: there it lands
    /// among INT3s, or between the instructions of a neighbour that is displaced too.</summary>
    public bool MayLandInPadding { get; init; } = true;

    /// <summary>Whether code that nobody names is known not to be jumped to, so that displaced instructions need no guards. So it is where
    /// all addresses are relocations (ELF objects).</summary>
    public bool AllTargetsKnown { get; init; }

    /// <summary>Whether a monitor knows of the patches: it maps known targets inside a range, and traps in place of sites. Else what does not
    /// fit a jump is left as it is.</summary>
    public bool HasMonitor { get; init; } = true;

    /// <summary>How far before a site a range may start, in bytes.</summary>
    public int MaxPreceding { get; init; } = 24;
}
