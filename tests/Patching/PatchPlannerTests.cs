using Rewriter.Patching;
using Rewriter.Scanning;
using Rewriter.Shims;
using Runtime.Abi;
using Xunit;

namespace Tests.Patching;

public sealed class PatchPlannerTests
{
    private const int FirstSite = 1000;

    public static TheoryData<int> Seeds() => [.. Enumerable.Range(1, 60)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void RandomCodeIsPatchedSoundly(int seed)
    {
        RandomCode code = RandomCode.Create(seed);
        foreach (ExecutionMode mode in Enum.GetValues<ExecutionMode>())
        {
            PatchPlan plan = Plan(code, mode, PlannerOptions.Default);
            new PlanChecker(plan, code.Context, RandomCode.Start, code.Bytes).CheckAll(FirstSite);
        }
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void UserModeCodeIsPatchedSoundly(int seed)
    {
        RandomCode code = RandomCode.Create(seed);
        PatchPlan plan = Plan(code, ExecutionMode.Para, new PlannerOptions { UserMode = true, AllowShortJumps = false });
        new PlanChecker(plan, code.Context, RandomCode.Start, code.Bytes).CheckAll(FirstSite);
        Assert.All(plan.Sites, site => Assert.Equal(ShimCatalog.GateName, site.Shim));
        Assert.DoesNotContain(plan.Sites, site => site.Tactic == PatchTactic.ShortJump);
    }

    [Fact]
    public void TheSameInputGivesTheSamePlan()
    {
        PatchPlan first = Plan(RandomCode.Create(7), ExecutionMode.Para, PlannerOptions.Default);
        PatchPlan second = Plan(RandomCode.Create(7), ExecutionMode.Para, PlannerOptions.Default);
        Assert.Equal(first.Sites.Select(site => (site.Index, site.Tactic, site.Shim, site.Reason)), second.Sites.Select(site => (site.Index, site.Tactic, site.Shim, site.Reason)));
        Assert.Equal(first.Patches.Select(Text), second.Patches.Select(Text));

        static string Text(Patch patch) => $"{patch.Address:x} {Convert.ToHexString(patch.NewBytes.Span)} {patch.TrampolineAddress:x} {Convert.ToHexString(patch.Trampoline.Span)} {string.Join(' ', patch.Map)}";
    }

    [Fact]
    public void EveryTacticOccurs()
    {
        var seen = new HashSet<PatchTactic>();
        for (int seed = 1; seed <= 60; seed++)
            seen.UnionWith(Plan(RandomCode.Create(seed), ExecutionMode.Para, PlannerOptions.Default).Sites.Select(site => site.Tactic));
        Assert.Superset(new HashSet<PatchTactic> { PatchTactic.Jump, PatchTactic.JumpFollowing, PatchTactic.JumpPreceding, PatchTactic.Merged, PatchTactic.ShortJump, PatchTactic.Trap }, seen);
    }

    [Fact]
    public void WhatTheGuestPatchesItselfStaysInPlace()
    {
        RandomCode code = RandomCode.Create(3);
        foreach (var instruction in code.Context.Instructions.Where(instruction => instruction.Length == 5).ToArray())
            code.Context.AddNeverDisplace(instruction.IP32, instruction.Length);
        PatchPlan plan = Plan(code, ExecutionMode.Para, PlannerOptions.Default);
        Assert.All(plan.Patches.Where(patch => patch.Tactic != PatchTactic.Trap), patch => Assert.False(code.Context.IsNeverDisplace(patch.Address, patch.NewBytes.Length)));
    }

    [Fact]
    public void UnprovenSitesAreLeft()
    {
        RandomCode code = RandomCode.Create(4);
        SensitiveInstruction[] unproven = [.. code.Sites.Select(site => site with { Confidence = SiteConfidence.Low })];
        PatchPlan plan = new PatchPlanner(ExecutionMode.Para, new WindowAllocator(MonitorWindow.DefaultBase), new ShimCatalog(), PlannerOptions.Default).Plan(code.Context, unproven, FirstSite);
        Assert.Empty(plan.Patches);
        Assert.All(plan.Sites, site => Assert.Equal((PatchTactic.Leave, "not proven to be code"), (site.Tactic, site.Reason)));
    }

    [Fact]
    public void UnsortedSitesAreTheCallersMistake()
    {
        RandomCode code = RandomCode.Create(4);
        var planner = new PatchPlanner(ExecutionMode.Para, new WindowAllocator(MonitorWindow.DefaultBase), new ShimCatalog(), PlannerOptions.Default);
        Assert.Throws<ArgumentException>(() => planner.Plan(code.Context, [.. code.Sites.Reverse()], FirstSite));
    }

    private static PatchPlan Plan(RandomCode code, ExecutionMode mode, PlannerOptions options) =>
        new PatchPlanner(mode, new WindowAllocator(MonitorWindow.DefaultBase), new ShimCatalog(options.UserMode), options).Plan(code.Context, code.Sites, FirstSite);
}
