// From sites to patches: one tactic for each site, by ascending address. The direct engine plans a page at a time, the rewriter an image.
using Rewriter.Scanning;
using Rewriter.Shims;
using Runtime.Abi;

namespace Rewriter.Patching;

/// <summary>Plans patches. Deterministic and total: the same code, sites and free window give the same plan, and every site gets a
/// tactic.</summary>
/// <param name="window">Trampolines are taken from here; the plan's own are freed by whoever drops the plan.</param>
public sealed class PatchPlanner(ExecutionMode mode, WindowAllocator window, ShimCatalog shims, PlannerOptions options)
{
    /// <param name="sites">By address.</param>
    /// <param name="firstSiteIndex">Index of the first site; the others follow.</param>
    public PatchPlan Plan(ICodeContext code, IReadOnlyList<SensitiveInstruction> sites, int firstSiteIndex) =>
        new PlanInProgress(mode, window, shims, options, code, sites, firstSiteIndex).Run();
}
