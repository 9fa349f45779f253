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

    /// <summary>How far before a site a range may start, in bytes.</summary>
    public int MaxPreceding { get; init; } = 24;
}
