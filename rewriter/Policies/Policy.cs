// What a user wants done to which sites, read from a file by PolicyReader, applied while planning, kept in the manifest.
using Rewriter.Scanning;

namespace Rewriter.Policies;

/// <summary>A policy: rules, of which the first that matches a site counts, and the findings that make a run fail.</summary>
/// <param name="Name">The file's name, as manifests and audits keep it.</param>
/// <param name="Text">The file.</param>
public sealed record Policy(string Name, string Text, IReadOnlyList<PolicyRule> Rules, FindingKinds FailOn)
{
    /// <summary>Where it was read from, for messages only.</summary>
    public string Path { get; init; } = Name;

    /// <summary>The rule for a site, or null.</summary>
    public PolicyRule? RuleFor(SensitiveInstruction site)
    {
        foreach (PolicyRule rule in Rules)
        {
            if (rule.Matches(site))
            {
                return rule;
            }
        }

        return null;
    }

    /// <summary>Sites that the policy leaves as they are, with the reason.</summary>
    /// <exception cref="PolicyException">The image has what the policy forbids.</exception>
    public IReadOnlyDictionary<ulong, string> Apply(IEnumerable<SensitiveInstruction> sites)
    {
        var left = new Dictionary<ulong, string>();
        var forbidden = new List<(SensitiveInstruction Site, PolicyRule Rule)>();
        foreach (SensitiveInstruction site in sites.Where(s => s.Class != SensitivityClass.Replaced && s.Confidence != SiteConfidence.Low))
        {
            PolicyRule? rule = RuleFor(site);
            if (rule?.Action == PolicyAction.Leave)
            {
                left.Add(site.Address, $"{Patching.PlannedSite.PolicyPrefix}{Name}:{rule.Line}: {rule.Text}");
            }
            else if (rule?.Action == PolicyAction.Forbid)
            {
                forbidden.Add((site, rule));
            }
        }

        return forbidden.Count == 0 ? left : throw Forbidden(forbidden);
    }

    PolicyException Forbidden(List<(SensitiveInstruction Site, PolicyRule Rule)> found)
    {
        (SensitiveInstruction site, PolicyRule rule) = found[0];
        string place = site.Symbol is null ? $"0x{site.Address:x8}" : $"0x{site.Address:x8}, {site.Symbol}";
        string others = found.Count == 1 ? "" : $", and {found.Count - 1} more";
        return new PolicyException($"{Path}:{rule.Line}:{rule.Column}: {rule.Text}: the image has it at {place}{others}") { IsFinding = true };
    }
}

/// <summary>A policy is malformed, or forbids what the image has. The message begins with file, line and column.</summary>
public sealed class PolicyException(string message) : Exception(message)
{
    /// <summary>The policy is well-formed; the image is not what it wants.</summary>
    public bool IsFinding { get; init; }
}
