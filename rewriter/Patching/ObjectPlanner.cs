// Plans for relocatable objects (kernel modules). Who loads one, where, and whether a monitor window is then where it was, is not known:
// so trampolines lie behind the code of their own section, where a jump needs no relocation, and name nothing but the object itself.
using Rewriter.Scanning;
using Rewriter.Shims;
using Runtime.Abi;

namespace Rewriter.Patching;

/// <summary>Plans section by section.</summary>
public static class ObjectPlanner
{
    /// <summary>Further from the code than a short branch reaches, so that branches to relocated targets keep their form.</summary>
    private const uint Distance = 128;

    private const uint Alignment = 16;

    private static readonly PlannerOptions Options = PlannerOptions.Default with
    {
        AllowPageCrossing = true,
        AllTargetsKnown = true,
        HasMonitor = false,
    };

    /// <summary>The first address of a section's trampolines.</summary>
    public static uint FirstTrampoline(CodeSection section) => ((uint)section.End + Distance + Alignment - 1) & ~(Alignment - 1);

    /// <summary>Where a section's trampolines may end: readers keep so much room behind each executable section.</summary>
    public static uint EndOfRoom(CodeSection section) => (uint)section.End + 16 * (uint)section.Bytes.Length + 4096;

    /// <param name="left">Sites to leave as they are, with the reason.</param>
    public static PatchPlan Plan(ScanResult scan, ExecutionMode mode, IReadOnlyDictionary<ulong, string>? left = null)
    {
        var context = new ObjectContext(scan.Map, left, DoubtfulCode.Find(scan));
        var shims = ShimCatalog.ForObjects((address, length) => context.Bytes(address, length).ToArray());
        var sites = new List<PlannedSite>();
        var patches = new List<Patch>();
        foreach (CodeSection section in scan.Map.Sections)
        {
            var window = WindowAllocator.Within(FirstTrampoline(section), EndOfRoom(section) - 1);
            SensitiveInstruction[] own = [.. scan.Sites.Where(s => section.Contains(s.Address))];
            PatchPlan part = new PatchPlanner(mode, window, shims, Options).Plan(context, own, sites.Count);
            sites.AddRange(part.Sites);
            patches.AddRange(part.Patches);
        }

        return new PatchPlan(mode, 0, sites, patches);
    }
}
