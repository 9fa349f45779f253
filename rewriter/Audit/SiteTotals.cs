using Rewriter.Scanning;

namespace Rewriter.Audit;

/// <summary>How many sites fall under a heading, by confidence.</summary>
public sealed record SiteTotal(string Name, int High, int Medium, int Low)
{
    public int All => High + Medium + Low;
}

/// <summary>Counts sites under headings.</summary>
public static class SiteTotals
{
    /// <summary>Per class, in the order of the enumeration; classes of instructions without sites too.</summary>
    public static IReadOnlyList<SiteTotal> ByClass(IEnumerable<SensitiveInstruction> sites)
    {
        ILookup<SensitivityClass, SensitiveInstruction> byClass = sites.ToLookup(s => s.Class);
        return [.. Enum.GetValues<SensitivityClass>().Where(c => c != SensitivityClass.Replaced || byClass.Contains(c))
            .Select(c => Count(c.ToString().ToLowerInvariant(), byClass[c]))];
    }

    /// <summary>Per mnemonic, the most frequent first.</summary>
    public static IReadOnlyList<SiteTotal> ByMnemonic(IEnumerable<SensitiveInstruction> sites) =>
        [.. sites.GroupBy(s => s.Instruction.Mnemonic)
            .Select(g => Count(g.Key.ToString().ToLowerInvariant(), g))
            .OrderByDescending(t => t.All).ThenBy(t => t.Name, StringComparer.Ordinal)];

    static SiteTotal Count(string name, IEnumerable<SensitiveInstruction> sites)
    {
        var counts = new int[3];
        foreach (SensitiveInstruction site in sites)
        {
            counts[(int)site.Confidence]++;
        }

        return new SiteTotal(name, counts[(int)SiteConfidence.High], counts[(int)SiteConfidence.Medium], counts[(int)SiteConfidence.Low]);
    }
}
