// The table of contents: from an image to a rewritten one. Each step is a room of its own.
using Rewriter.Images;
using Rewriter.Patching;
using Rewriter.Policies;
using Rewriter.Rewritten;
using Rewriter.Scanning;
using Rewriter.Shims;
using Runtime.Abi;

namespace Rewriter;

/// <summary>What rewriting an image yields.</summary>
/// <param name="Manifest">All that is needed to audit, restore or run the image.</param>
/// <param name="File">The rewritten file.</param>
public sealed record Rewriting(ScanResult Scan, PatchPlan Plan, Manifest Manifest, byte[] File);

/// <summary>What a user asks for beyond mode and window.</summary>
/// <param name="Policy">Which sites are left or forbidden.</param>
/// <param name="Pack">C# that stands in for functions of the guest; for <see cref="ExecutionMode.Para"/>.</param>
public sealed record RewriteWishes(Policy? Policy = null, ShimPack? Pack = null)
{
    public static RewriteWishes None { get; } = new();
}

/// <summary>The rewriter as a library.</summary>
public static class RewritePipeline
{
    const string CopiedReason = "only copied from here at boot; the copies are patched where they land";

    /// <summary>Scans and plans. Trampolines lie in the monitor window at <paramref name="windowBase"/>.</summary>
    /// <exception cref="BadImageException">A 64-bit image, or a window that the image itself occupies.</exception>
    /// <exception cref="PolicyException">The policy forbids what the image has.</exception>
    /// <exception cref="ShimPackException">The pack is refused, or replaces what the image does not have.</exception>
    public static (ScanResult Scan, PatchPlan Plan) Plan(KernelImage image, ExecutionMode mode, uint windowBase = MonitorWindow.DefaultBase,
        RewriteWishes? wishes = null)
    {
        RequireFreeWindow(image, windowBase);
        ScanResult scan = Scanner.Scan(image);
        IReadOnlyDictionary<ulong, string>? left = wishes?.Policy?.Apply(scan.Sites);
        if (image.Format == ImageFormat.Elf32Object)
        {
            return (scan, ObjectPlanner.Plan(scan, mode, left));
        }

        var replacements = ReplacedFunctions.Of(wishes?.Pack, scan, mode);
        IReadOnlyList<SensitiveInstruction> sites = replacements.AddTo(scan.Sites);
        var planner = new PatchPlanner(mode, new WindowAllocator(windowBase), new ShimCatalog(isReplaced: replacements.IsReplaced),
            PlannerOptions.Default with { AllowPageCrossing = true });
        PatchPlan plan = planner.Plan(new CodeMapContext(scan.Map, left), sites, 0);
        return (scan, plan with { Sites = [.. plan.Sites.Select(s => Explain(replacements.Name(s), scan.Map))] });
    }

    /// <summary>Scans, plans, generates and compiles shims, and writes. The same image, mode and window give the same bytes.</summary>
    /// <param name="step">Told what begins.</param>
    /// <exception cref="BadImageException">As for <see cref="Plan"/>, and so the others.</exception>
    public static Rewriting Rewrite(KernelImage image, ExecutionMode mode, uint windowBase = MonitorWindow.DefaultBase,
        Action<string>? step = null, RewriteWishes? wishes = null)
    {
        // The compiler takes longer to load than to run: let it do so beside the scan.
        Task warm = Task.Run(() => ShimCompiler.Compile("Warm", [new ShimFile("Warm.cs", "static class Warm;")]));
        step?.Invoke("scanning and planning");
        (ScanResult scan, PatchPlan plan) = Plan(image, mode, windowBase, wishes);
        step?.Invoke("generating and compiling shims");
        string digest = Manifest.DigestOf(image.File.Span);
        warm.Wait();
        // An object's sites reach the monitor by an exception, not by the gate: it performs them as it performs any other.
        string source = ShimSourceOf(image.Format == ImageFormat.Elf32Object ? plan with { Sites = [] } : plan, digest);
        ShimAssembly assembly = CompileShims(source, wishes?.Pack?.Files ?? []);
        if (!assembly.IsGood)
        {
            throw new InvalidOperationException($"generated shims do not compile: {assembly.Diagnostics[0]}");
        }

        step?.Invoke("writing");
        Manifest manifest = Manifest.Of(image, plan, source, assembly) with
        {
            Policy = wishes?.Policy is { } policy ? new ManifestText(policy.Name, policy.Text) : null,
            Pack = wishes?.Pack is { } pack ? [.. pack.Files.Select(file => new ManifestText(file.Path, file.Text))] : null,
        };
        return new Rewriting(scan, plan, manifest, RewrittenImage.Write(image, plan, manifest));
    }

    /// <summary>The host-side shims of a plan, in C#.</summary>
    /// <param name="imageDigest">SHA-256 of the original file.</param>
    public static string ShimSourceOf(PatchPlan plan, string imageDigest) => ShimSource.Generate(plan, imageDigest[..16]);

    /// <summary>Compiles what <see cref="ShimSourceOf"/> gave, and the files of a shim pack with it. The same source gives the same
    /// bytes.</summary>
    public static ShimAssembly CompileShims(string source, IReadOnlyList<ShimFile> pack) =>
        ShimCompiler.Compile("GuestShims", [new ShimFile("Sites.cs", source), .. pack]);

    /// <summary>Compiles the shims of a manifest.</summary>
    public static ShimAssembly CompileShims(Manifest manifest) =>
        CompileShims(manifest.Source, [.. (manifest.Pack ?? []).Select(file => new ShimFile(file.Path, file.Text, IsFromPack: true))]);

    /// <summary>Whether a site that fails silently was proven to be code and yet left as it is, and no policy wants it so: the image is
    /// not completely handled.</summary>
    public static bool IsIncomplete(PatchPlan plan) => plan.Sites.Any(s =>
        s.Tactic == PatchTactic.Leave && s.Site.Class == SensitivityClass.Silent && s.Site.Confidence != SiteConfidence.Low
        && !s.IsLeftByPolicy);

    static PlannedSite Explain(PlannedSite site, CodeMap map) =>
        site.Tactic == PatchTactic.Leave && map.TryFindSelfPatched(site.Site.Address, site.Site.Address + 1, out SelfPatchedRange range)
            && range.Kind == SelfPatchKind.AlternativeSource
            ? site with { Reason = CopiedReason }
            : site;

    static void RequireFreeWindow(KernelImage image, uint windowBase)
    {
        if (image.IsPacked)
        {
            throw new BadImageException("a packed file can be scanned, but not rewritten: unpack it first");
        }

        if (image.Bitness != 32)
        {
            throw new BadImageException("64-bit images can be scanned, but not rewritten yet");
        }

        ulong end = (ulong)windowBase + MonitorWindow.Size;
        foreach (ImageSection segment in image.Segments)
        {
            if (segment.Address < end && segment.Address + (ulong)segment.MemorySize > windowBase)
            {
                throw new BadImageException(
                    $"the monitor window at 0x{windowBase:x8} overlaps the image at 0x{segment.Address:x8}: choose another with --window");
            }
        }
    }
}
