using System.Runtime.CompilerServices;
using Rewriter.Images;
using Rewriter.Patching;
using Rewriter.Scanning;
using Rewriter.Shims;
using Runtime.Abi;
using Xunit;

namespace Tests.Patching;

/// <summary>Plans of whole images: the committed guest kernels, and Debian's where it has been fetched.</summary>
public sealed class GuestKernelPlanTests
{
    public static TheoryData<string> Images()
    {
        string kernels = Path.Combine(Here(), "..", "..", "guest-kernels");
        string debian = Path.Combine(kernels, "debian", "cache");
        IEnumerable<string> fetched = Directory.Exists(debian) ? Directory.EnumerateFiles(debian, "vmlinuz-*") : [];
        return [.. Directory.EnumerateFiles(Path.Combine(kernels, "bin"), "*.elf").Concat(fetched).Select(Path.GetFullPath).Order(StringComparer.Ordinal)];
    }

    [Theory]
    [MemberData(nameof(Images))]
    public void AlmostEverySiteIsTakenOverByAJump(string path)
    {
        ScanResult scan = Scanner.Scan(KernelImage.Load(path));
        PatchPlan plan = new PatchPlanner(ExecutionMode.Para, new WindowAllocator(MonitorWindow.DefaultBase), new ShimCatalog(), PlannerOptions.Default)
            .Plan(new CodeMapContext(scan.Map), scan.Sites, 0);

        PlannedSite[] proven = [.. plan.Sites.Where(site => site.Site.Confidence != SiteConfidence.Low)];
        Assert.DoesNotContain(proven, site => site.Tactic == PatchTactic.Leave && site.Site.Section != ".altinstr_replacement");
        Assert.All(plan.Sites.Where(site => site.Tactic is PatchTactic.Leave or PatchTactic.Trap), site => Assert.NotNull(site.Reason));
        int trapped = proven.Count(site => site.Tactic == PatchTactic.Trap);
        Assert.True(trapped <= Math.Max(3, proven.Length * 0.02), $"{trapped} of {proven.Length} sites are left to a trap");

        ShimAssembly shims = ShimCompiler.Compile("guest-shims", [new ShimFile("sites.cs", ShimSource.Generate(plan, Path.GetFileName(path)))]);
        Assert.Empty(shims.Diagnostics);
    }

    private static string Here([CallerFilePath] string path = "") => Path.GetDirectoryName(path)!;
}
