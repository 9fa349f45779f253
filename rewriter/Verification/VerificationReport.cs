namespace Rewriter.Verification;

/// <summary>Something that does not hold.</summary>
/// <param name="Place">Address or file offset, with the section or symbol where there is one.</param>
public sealed record Violation(string Check, string Place, string What);

/// <summary>One of the properties that were looked at.</summary>
/// <param name="Checked">How many bytes, sites, instructions … the property was tried on.</param>
/// <param name="Of">What was counted.</param>
/// <param name="Failed">How often it did not hold.</param>
public sealed record CheckResult(string Name, string Meaning, long Checked, string Of, int Failed);

/// <summary>What was found of a rewritten image. Violations beyond <see cref="MaxViolations"/> are counted only.</summary>
public sealed record VerificationReport(string Image, IReadOnlyList<CheckResult> Checks, IReadOnlyList<Violation> Violations)
{
    public const int MaxViolations = 100;

    public bool IsGood => Checks.All(check => check.Failed == 0);
}
