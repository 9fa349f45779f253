// What changed between two kernels, or between two rewrites of one: site by site, gathered by function.
using Rewriter.Audit;
using Rewriter.Scanning;

namespace Rewriter.Diff;

/// <summary>One site that is not the same on both sides.</summary>
/// <param name="Kind">"gone", "new", "tactic", "shim", "confidence".</param>
/// <param name="Text">The instruction; the new one where there is one.</param>
/// <param name="OldAddress">Null for a new site.</param>
/// <param name="NewAddress">Null for one that is gone.</param>
/// <param name="Old">Tactic, shim or confidence before; null for a new site.</param>
/// <param name="New">And after.</param>
public sealed record SiteChange(string Kind, string Text, ulong? OldAddress, ulong? NewAddress, string? Old, string? New);

/// <summary>The changes in one function, in the order of their addresses.</summary>
/// <param name="Function">Null where no symbol is known.</param>
public sealed record FunctionDiff(string Section, string? Function, IReadOnlyList<SiteChange> Changes);

/// <summary>How many sites changed in one way.</summary>
public sealed record ChangeTotal(string Kind, int Count);

/// <summary>All changes between two images.</summary>
/// <param name="Unchanged">Sites that are the same on both sides, wherever they lie.</param>
public sealed record ImageDiff(string Old, string New, int OldSites, int NewSites, int Unchanged, IReadOnlyList<FunctionDiff> Functions,
    IReadOnlyList<ChangeTotal> Totals)
{
    public bool IsEmpty => Functions.Count == 0;

    /// <summary>Compares two sides. A site is the same if its fingerprint is; what is left over is paired within its function by
    /// instruction and order.</summary>
    public static ImageDiff Between(DiffSide old, DiffSide @new)
    {
        var pairs = new List<(DiffSite? Old, DiffSite? New)>();
        List<DiffSite> leftOver = Pair(old.Sites, @new.Sites, s => s.Row.Fingerprint, pairs, out List<DiffSite> gone);
        leftOver = Pair(gone, leftOver, s => $"{s.Row.Section}\n{FunctionName.Of(s.Row.Symbol)}\n{s.Row.Text}", pairs, out gone);
        pairs.AddRange(gone.Select(s => ((DiffSite?)s, (DiffSite?)null)));
        pairs.AddRange(leftOver.Select(s => ((DiffSite?)null, (DiffSite?)s)));

        var functions = new List<FunctionDiff>();
        int unchanged = 0;
        foreach (var group in pairs.GroupBy(p => ((p.New ?? p.Old)!.Row.Section, Function: FunctionName.Of((p.New ?? p.Old)!.Row.Symbol)))
            .OrderBy(g => g.Key.Section, StringComparer.Ordinal).ThenBy(g => g.Key.Function, StringComparer.Ordinal))
        {
            List<SiteChange> changes = [.. group.OrderBy(p => (p.New ?? p.Old)!.Row.Address).SelectMany(p => ChangesOf(p.Old, p.New))];
            unchanged += group.Count(p => !ChangesOf(p.Old, p.New).Any());
            if (changes.Count != 0)
            {
                functions.Add(new FunctionDiff(group.Key.Section, group.Key.Function, changes));
            }
        }

        return new ImageDiff(old.Name, @new.Name, old.Sites.Count, @new.Sites.Count, unchanged, functions,
            [.. functions.SelectMany(f => f.Changes).GroupBy(c => c.Kind).OrderBy(g => g.Key, StringComparer.Ordinal)
                .Select(g => new ChangeTotal(g.Key, g.Count()))]);
    }

    /// <summary>Pairs sites of equal key in their order; returns what is left of the new ones.</summary>
    static List<DiffSite> Pair(IEnumerable<DiffSite> old, IEnumerable<DiffSite> @new, Func<DiffSite, string> keyOf,
        List<(DiffSite? Old, DiffSite? New)> pairs, out List<DiffSite> gone)
    {
        Dictionary<string, Queue<DiffSite>> byKey = old.GroupBy(keyOf).ToDictionary(g => g.Key, g => new Queue<DiffSite>(g));
        var left = new List<DiffSite>();
        foreach (DiffSite site in @new)
        {
            if (byKey.TryGetValue(keyOf(site), out Queue<DiffSite>? same) && same.TryDequeue(out DiffSite? match))
            {
                pairs.Add((match, site));
            }
            else
            {
                left.Add(site);
            }
        }

        gone = [.. byKey.Values.SelectMany(queue => queue).OrderBy(s => s.Row.Address)];
        return left;
    }

    static IEnumerable<SiteChange> ChangesOf(DiffSite? old, DiffSite? @new)
    {
        if (old is null || @new is null)
        {
            DiffSite one = (old ?? @new)!;
            yield return new SiteChange(old is null ? "new" : "gone", one.Row.Text, old?.Row.Address, @new?.Row.Address, old?.Describe(), @new?.Describe());
            yield break;
        }

        foreach ((string kind, string? before, string? after) in ((string, string?, string?)[])
            [("tactic", old.Tactic, @new.Tactic), ("shim", old.Shim, @new.Shim), ("confidence", old.Row.Confidence, @new.Row.Confidence)])
        {
            // A side that was not rewritten has neither tactic nor shim, and a site that is left has no shim: its tactic says so.
            bool isNone = kind == "shim" && (before is "" || after is "");
            if (before is not null && after is not null && before != after && !isNone)
            {
                yield return new SiteChange(kind, @new.Row.Text, old.Row.Address, @new.Row.Address, before, after);
            }
        }
    }
}
