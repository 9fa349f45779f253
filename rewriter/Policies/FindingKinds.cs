// What a pipeline may want to fail on, beyond a rewrite that is impossible.
using Rewriter.Patching;
using Rewriter.Scanning;

namespace Rewriter.Policies;

/// <summary>Kinds of findings; their names in policies and on the command line are <see cref="Findings.Names"/>.</summary>
[Flags]
public enum FindingKinds
{
    None = 0,
    SilentUnpatched = 1,
    LeakingUnpatched = 2,
    LowConfidence = 4,
    Trap = 8,
    KnownTarget = 16,
}

/// <summary>Counts findings in a plan.</summary>
public static class Findings
{
    /// <summary>By name: silent-unpatched, leaking-unpatched (proven sites left as they are), low-confidence (sites not proven to be code),
    /// trap (taken over by a trap), known-target (a known branch leads into an overwritten range).</summary>
    public static IReadOnlyDictionary<string, FindingKinds> Names { get; } = new Dictionary<string, FindingKinds>
    {
        ["silent-unpatched"] = FindingKinds.SilentUnpatched,
        ["leaking-unpatched"] = FindingKinds.LeakingUnpatched,
        ["low-confidence"] = FindingKinds.LowConfidence,
        ["trap"] = FindingKinds.Trap,
        ["known-target"] = FindingKinds.KnownTarget,
    };

    /// <summary>One line that counts what was found of some kinds; null if nothing was.</summary>
    public static string? Describe(PatchPlan plan, FindingKinds kinds)
    {
        var counts = new List<string>();
        foreach ((string name, FindingKinds kind) in Names)
        {
            int count = (kinds & kind) == 0 ? 0 : plan.Sites.Count(site => (Of(site) & kind) != 0);
            if (count > 0)
            {
                counts.Add($"{name} {count}");
            }
        }

        return counts.Count == 0 ? null : "findings: " + string.Join(", ", counts);
    }

    static FindingKinds Of(PlannedSite planned)
    {
        bool isProven = planned.Site.Confidence != SiteConfidence.Low;
        FindingKinds kinds = (planned.Tactic, planned.Site.Class) switch
        {
            (PatchTactic.Leave, SensitivityClass.Silent) when isProven => FindingKinds.SilentUnpatched,
            (PatchTactic.Leave, SensitivityClass.Leaking) when isProven => FindingKinds.LeakingUnpatched,
            (PatchTactic.Trap, _) => FindingKinds.Trap,
            _ => FindingKinds.None,
        };
        bool hasTarget = planned.Reason is { Length: > 0 } reason && char.IsAsciiDigit(reason[0])
            && reason.Contains(" known target", StringComparison.Ordinal);
        return kinds | (isProven ? 0 : FindingKinds.LowConfidence) | (hasTarget ? FindingKinds.KnownTarget : 0);
    }
}
