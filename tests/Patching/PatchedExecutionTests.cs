using Iced.Intel;
using Rewriter.Patching;
using Rewriter.Shims;
using Runtime.Abi;
using Xunit;

namespace Tests.Patching;

/// <summary>The same random code on the interpreter, as it is in ring 0 and patched in ring 3: the guest must not see a difference at any
/// instruction,
/// wherever it starts, including inside displaced ranges.</summary>
public sealed class PatchedExecutionTests
{
    private const uint Start = 0x10_0FA0;
    private const uint WindowBase = 0xC0_0000;
    private const int RunsPerSeed = 60;
    private const int MomentsPerRun = 150;

    [Theory]
    [MemberData(nameof(PatchPlannerTests.Seeds), MemberType = typeof(PatchPlannerTests))]
    public void PatchedCodeDoesWhatTheOriginalDoes(int seed)
    {
        RandomCode code = RandomCode.Create(seed, start: Start);
        PatchPlan plan = new PatchPlanner(ExecutionMode.Para, new WindowAllocator(WindowBase), new ShimCatalog(), PlannerOptions.Default).Plan(code.Context, code.Sites, 0);
        using var original = new PatchedMachine(code, Start, null);
        using var patched = new PatchedMachine(code, Start, plan);
        Instruction[] starts = [.. code.Context.Instructions];
        var random = new Random(seed);
        for (int run = 0; run < RunsPerSeed; run++)
        {
            int runSeed = random.Next();
            uint eip = starts[random.Next(starts.Length)].IP32;
            original.Reset(new Random(runSeed), eip, isEventPending: false);
            patched.Reset(new Random(runSeed), eip, isEventPending: run % 2 == 0);
            GuestMoment[] expected = [.. original.Run(MomentsPerRun)];
            GuestMoment[] actual = [.. patched.Run(MomentsPerRun)];
            Assert.True(expected.SequenceEqual(actual), $"run {run}: {original.LastExit}, {patched.LastExit}\n{string.Join('\n', expected)}\n---\n{string.Join('\n', actual)}");
            Assert.True(original.StackBytes.SequenceEqual(patched.StackBytes), $"stack after a run from {eip:x8}");
        }
    }
}
