// What `rewriter audit` says, built from image and plan alone, so that its writers cannot disagree.
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using Rewriter.Images;
using Rewriter.Patching;
using Rewriter.Rewritten;
using Rewriter.Shims;

namespace Rewriter.Audit;

/// <summary>A site and what became of it.</summary>
/// <param name="Patch">Index into <see cref="AuditReport.Patches"/>; null for a site that was left alone.</param>
/// <param name="Method">The generated C# that performs it on the host, or null where none is needed.</param>
/// <param name="Risks">What remains to be known about it; see <see cref="ResidualRisks"/>.</param>
public sealed record AuditSite(ScanRow Site, string Tactic, string Shim, string? Reason, int? Patch, string? Method,
    IReadOnlyList<string> Risks);

/// <summary>An overwritten range: what was there, what is there, where it leads.</summary>
public sealed record AuditPatch(
    uint Address, string Tactic, string OriginalBytes, string NewBytes, uint TrampolineAddress,
    IReadOnlyList<DisassemblyLine> Original, IReadOnlyList<DisassemblyLine> New, IReadOnlyList<DisassemblyLine> Trampoline);

/// <summary>How many sites a tactic took over.</summary>
/// <param name="Percent">Of the sites that were proven to be code.</param>
public sealed record TacticTotal(string Tactic, int Count, double Percent);

/// <summary>How many sites fell back, and why.</summary>
public sealed record ReasonTotal(string Tactic, string Reason, int Count);

/// <summary>Everything about a rewritten image.</summary>
/// <param name="ProvenCount">Sites of high or medium confidence; the others are suspicions.</param>
/// <param name="HandledSilentPercent">Of proven sites that fail silently, those taken over.</param>
/// <param name="JumpPercent">Of proven sites, those taken over by a jump, their own or a neighbour's.</param>
/// <param name="Policy">The policy that it was rewritten by, or null.</param>
/// <param name="Pack">The files of its shim pack.</param>
public sealed record AuditReport(
    ImageSummary Image, string Mode, uint WindowBase, string OriginalDigest, string Tool,
    IReadOnlyList<AuditSite> Sites, IReadOnlyList<AuditPatch> Patches,
    IReadOnlyList<SiteTotal> ByClass, IReadOnlyList<SiteTotal> ByMnemonic, IReadOnlyList<TacticTotal> ByTactic,
        IReadOnlyList<ReasonTotal> ByReason, IReadOnlyList<RiskTotal> Risks,
    int ProvenCount, double HandledSilentPercent, double JumpPercent, string AssemblyDigest, int AssemblySize,
    ManifestText? Policy, IReadOnlyList<ManifestText> Pack)
{
    /// <summary>Where the trampolines are: of a module the monitor's window is not known yet.</summary>
    [JsonIgnore]
    public string TrampolinePlace => WindowBase == 0 ? "trampolines behind the code of their sections" : $"monitor window at 0x{WindowBase:x8}";

    public static AuditReport Of(KernelImage image, PatchPlan plan, Manifest manifest)
    {
        var disassembly = new Disassembly();
        Dictionary<string, string> methods = MethodsOf(manifest.Source);
        List<AuditPatch> patches = [.. plan.Patches.Select(p => PatchOf(p, disassembly))];
        List<PlannedSite> proven = [.. plan.Sites.Where(s => s.Site.Confidence != Scanning.SiteConfidence.Low)];
        List<PlannedSite> silent = [.. proven.Where(s => s.Site.Class == Scanning.SensitivityClass.Silent)];
        var sites = new List<AuditSite>(plan.Sites.Count);
        var rows = new ScanRows(image);
        int patch = 0;
        foreach (PlannedSite site in plan.Sites)
        {
            while (patch < plan.Patches.Count && EndOf(plan.Patches[patch]) <= site.Site.Address)
            {
                patch++;
            }

            bool isPatched = site.Tactic != PatchTactic.Leave && patch < plan.Patches.Count;
            ScanRow row = rows.Next(site.Site);
            string tactic = NameOf(site.Tactic);
            sites.Add(new AuditSite(
                row,
                tactic,
                site.Shim,
                site.Reason,
                isPatched ? patch : null,
                methods.GetValueOrDefault(ShimSource.MethodName((uint)site.Site.Address)),
                [.. ResidualRisks.Of(row.Class, row.Confidence, tactic, site.Reason).Select(r => r.Risk)]));
        }

        return new AuditReport(
            ImageSummary.Of(image), plan.Mode.ToString().ToLowerInvariant(), plan.WindowBase, manifest.OriginalDigest, manifest.Tool,
            sites, patches,
            SiteTotals.ByClass(plan.Sites.Select(s => s.Site)),
            SiteTotals.ByMnemonic(plan.Sites.Select(s => s.Site)),
            [.. proven.GroupBy(s => s.Tactic).OrderBy(g => g.Key)
                .Select(g => new TacticTotal(NameOf(g.Key), g.Count(), Percent(g.Count(), proven.Count)))],
            [.. plan.Sites.Where(s => s.Reason is not null).GroupBy(s => (s.Tactic, s.Reason!)).OrderBy(g => g.Key.Tactic)
                .ThenByDescending(g => g.Count())
                .ThenBy(g => g.Key.Item2, StringComparer.Ordinal)
                    .Select(g => new ReasonTotal(NameOf(g.Key.Tactic), g.Key.Item2, g.Count()))],
            ResidualRisks.Totals(sites),
            proven.Count,
            Percent(silent.Count(s => s.Tactic != PatchTactic.Leave), silent.Count),
            Percent(proven.Count(s => s.Tactic is not (PatchTactic.Leave or PatchTactic.Trap)), proven.Count),
            manifest.AssemblyDigest,
            manifest.Assembly.Length,
            manifest.Policy,
            manifest.Pack ?? []);
    }

    static AuditPatch PatchOf(Patch patch, Disassembly disassembly) => new(
        patch.Address,
        NameOf(patch.Tactic),
        Convert.ToHexStringLower(patch.OriginalBytes.Span),
        Convert.ToHexStringLower(patch.NewBytes.Span),
        patch.TrampolineAddress,
        disassembly.Of(patch.OriginalBytes, patch.Address, 32),
        disassembly.Of(patch.NewBytes, patch.Address, 32),
        disassembly.Of(patch.Trampoline, patch.TrampolineAddress, 32));

    static ulong EndOf(Patch patch) => patch.Address + (ulong)patch.NewBytes.Length;

    static double Percent(int part, int whole) => whole == 0 ? 100 : Math.Round(100.0 * part / whole, 2);

    /// <summary>jumpFollowing -> "jump-following".</summary>
    internal static string NameOf(PatchTactic tactic) => Regex.Replace(tactic.ToString(), "(?<=.)([A-Z])", "-$1").ToLowerInvariant();

    /// <summary>The generated methods by name: each is one line of the source.</summary>
    static Dictionary<string, string> MethodsOf(string source)
    {
        var methods = new Dictionary<string, string>();
        foreach (string line in source.Split('\n'))
        {
            int name = line.IndexOf("Site_", StringComparison.Ordinal);
            int end = name < 0 ? -1 : line.IndexOf('(', name);
            if (end > 0 && line.Contains("public static void", StringComparison.Ordinal))
            {
                methods.TryAdd(line[name..end], line.Trim());
            }
        }

        return methods;
    }
}
