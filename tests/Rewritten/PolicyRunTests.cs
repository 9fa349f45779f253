using Rewriter;
using Rewriter.Policies;
using Runtime;
using Runtime.Abi;
using Runtime.Engines;
using Xunit;

namespace Tests.Rewritten;

/// <summary>What a policy leaves is left at run time too, where code is scanned again.</summary>
public sealed class PolicyRunTests
{
    [Theory]
    [MemberData(nameof(RewrittenRunTests.Engines), MemberType = typeof(RewrittenRunTests))]
    public void ASilentInstructionThatIsLeftGoesWrong(EngineKind engine)
    {
        var wishes = new RewriteWishes(PolicyReader.Parse("p.yaml", "rules:\n  - pushfd: leave\n  - cli: leave\n"));
        Rewriting rewriting = RewritePipeline.Rewrite(RewrittenKernel.Image("quirks.elf"), ExecutionMode.Para, wishes: wishes);
        (Outcome outcome, string serial, _) = RewrittenKernel.Run("quirks.elf", engine, rewriting.Plan, [], TimeSpan.FromSeconds(60));
        Assert.Contains(" checks, ", serial, StringComparison.Ordinal);
        string[] wrong = [.. serial.Split('\n').Where(line => line.Contains("WRONG", StringComparison.Ordinal))];
        if (engine == EngineKind.Interpreter)
        {
            // Nothing goes wrong where every instruction is the guest's own.
            Assert.Empty(wrong);
        }
        else if (wrong.Length == 0)
        {
            Assert.Skip("no direct engine here");
        }
        else
        {
            // PUSHF shows IF set where the guest has cleared it.
            Assert.Contains(wrong, line => line.StartsWith("pushf-after-cli WRONG saw 0x200", StringComparison.Ordinal));
        }

        Assert.True(outcome.ExitStatus % 2 == 1, outcome.ToString());
    }
}
