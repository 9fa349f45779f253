using Rewriter;
using Rewriter.Audit;
using Rewriter.Images;
using Rewriter.Patching;
using Rewriter.Policies;
using Rewriter.Rewritten;
using Rewriter.Scanning;
using Runtime.Abi;
using Tests.Images;
using Xunit;

namespace Tests.Policies;

/// <summary>Policies are read or refused with their place, and do to a plan what they say.</summary>
public sealed class PolicyTests
{
    static readonly KernelImage _image = KernelImage.Load("tiny.elf", Fixture.Bytes("tiny.elf"));

    [Theory]
    [InlineData("rules:\n  - rdtsc: leave\n", "rdtsc * leave")]
    [InlineData("rules:\n  rdtsc: leave\n  wrmsr in native_*: forbid\n", "rdtsc * leave, wrmsr native_* forbid")]
    [InlineData("{\"rules\": [{\"CPUID\": \"Patch\"}], \"fail-on\": [\"trap\"]}", "cpuid * patch")]
    [InlineData("rules:\n  - silent in 0x1000-0x1fff: leave\n  - \"*\": patch\n", "silent 1000-1fff leave, * * patch")]
    [InlineData("rules:\n  - mov in 0x1000: forbid\n", "mov 1000-1000 forbid")]
    public void IsRead(string text, string expected) => Assert.Equal(expected, string.Join(", ", PolicyReader.Parse("p.yaml", text).Rules.Select(r =>
        $"{r.What} {(r.First is null ? r.Function ?? "*" : $"{r.First:x}-{r.Last:x}")} {r.Action.ToString().ToLowerInvariant()}")));

    [Theory]
    [InlineData("rules:\n  - rdtsc: leav\n", "2:12: 'leav' is no action: patch, leave or forbid")]
    [InlineData("rules:\n  - rdtsc: 1\n", "2:12: '1' is no action: patch, leave or forbid")]
    [InlineData("rules:\n  - frob: leave\n", "2:5: 'frob' is no sensitive instruction, class (silent, leaking, trapping) or *")]
    [InlineData("rules:\n  - nop: leave\n", "2:5: 'nop' is no sensitive instruction, class (silent, leaking, trapping) or *")]
    [InlineData("rules:\n  - rdtsc at x: leave\n", "2:5: 'rdtsc at x' is not 'WHAT' or 'WHAT in WHERE'")]
    [InlineData("rules:\n  - rdtsc in 0x10-0x0f: leave\n", "2:5: '0x10-0x0f' is no range of addresses")]
    [InlineData("rules:\n  - rdtsc in 0xfrog: leave\n", "2:5: '0xfrog' is no address")]
    [InlineData("rules:\n  - rdtsc\n", "2:5: a rule is 'WHAT: ACTION', for example 'rdtsc: leave'")]
    [InlineData("rule: []\n", "1:1: 'rule' is neither 'rules' nor 'fail-on'")]
    [InlineData("fail-on: [silent]\n", "1:11: 'silent' is no finding: silent-unpatched, leaking-unpatched, low-confidence, trap, known-target")]
    [InlineData("fail-on: trap\n", "1:10: 'fail-on' is a list")]
    [InlineData("- rdtsc: leave\n", "1:1: a policy is a mapping of 'rules' and 'fail-on'")]
    [InlineData("", "1:1: holds 0 documents instead of one")]
    [InlineData("rules: [\n", "2:1: ")]
    [InlineData("rules: {rdtsc: leave, rdtsc: patch}\n", "1:")]
    [InlineData("a: &x [*x]\n", "1:")]
    public void IsRefusedWithItsPlace(string text, string expected)
    {
        string message = Assert.Throws<PolicyException>(() => PolicyReader.Parse("p.yaml", text)).Message;
        Assert.StartsWith("p.yaml:" + expected, message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
        Assert.DoesNotContain("Idx", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("[")]
    [InlineData("- ")]
    [InlineData("{a: ")]
    public void NestingHasItsLimit(string opening)
    {
        string text = string.Concat(Enumerable.Repeat(opening, 100_000));
        Assert.Matches("^p.yaml:1:[0-9]+: nested more than 100 deep$", Assert.Throws<PolicyException>(() => PolicyReader.Parse("p.yaml", text)).Message);
    }

    [Fact]
    public void WhatIsLeftIsLeftAndSaysWhy()
    {
        Policy policy = PolicyReader.Parse("some/p.yaml", "rules:\n  - pushfd: leave\n  - trapping in 0x100000-0x1fffff: leave\n");
        Rewriting rewriting = RewritePipeline.Rewrite(_image, ExecutionMode.Para, wishes: new RewriteWishes(policy));
        foreach (PlannedSite site in rewriting.Plan.Sites.Where(s => s.Site.Confidence != SiteConfidence.Low))
        {
            bool isLeft = site.Site.Instruction.Mnemonic == Iced.Intel.Mnemonic.Pushfd || site.Site.Class == SensitivityClass.Trapping;
            Assert.Equal(isLeft, site.Tactic == PatchTactic.Leave);
            Assert.Equal(isLeft, site.Reason?.StartsWith("policy p.yaml:", StringComparison.Ordinal) == true);

            // Nor may it be moved as a neighbour.
            Assert.True(!isLeft || rewriting.Plan.Patches.All(p => site.Site.Address >= p.Address + (ulong)p.NewBytes.Length || site.Site.Address + (ulong)site.Site.Code.Length <= p.Address));
        }

        Assert.False(RewritePipeline.IsIncomplete(rewriting.Plan));
        Assert.True(RewrittenImage.TryOpen("x", rewriting.File, out KernelImage image, out PatchPlan plan, out Manifest manifest));
        AuditReport report = AuditReport.Of(image, plan, manifest);
        Assert.Equal(("p.yaml", policy.Text), (report.Policy!.Path, report.Policy.Text));
        Assert.Contains(report.Risks, r => r.Level == ResidualRisks.Warning && r.Risk.Contains("policy", StringComparison.Ordinal));
        Assert.Equal(rewriting.File, RewritePipeline.Rewrite(_image, ExecutionMode.Para, wishes: new RewriteWishes(policy)).File);
    }

    [Theory]
    [InlineData("rules:\n  - pushfd in w?rk: forbid\n", "p.yaml:2:5: pushfd in w?rk: forbid: the image has it at 0x")]
    [InlineData("rules:\n  - silent: forbid\n", "more")]
    public void WhatIsForbiddenIsNamed(string text, string expected)
    {
        var wishes = new RewriteWishes(PolicyReader.Parse("p.yaml", text));
        PolicyException found = Assert.Throws<PolicyException>(() => RewritePipeline.Rewrite(_image, ExecutionMode.Para, wishes: wishes));
        Assert.True(found.IsFinding);
        Assert.Contains(expected, found.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void TheFirstRuleThatMatchesCounts()
    {
        var wishes = new RewriteWishes(PolicyReader.Parse("p.yaml", "rules:\n  - pushfd in nowhere: forbid\n  - pushfd: patch\n  - silent: leave\n"));
        PatchPlan plan = RewritePipeline.Rewrite(_image, ExecutionMode.Para, wishes: wishes).Plan;
        Assert.All(plan.Sites.Where(s => s.Site.Class == SensitivityClass.Silent && s.Site.Confidence != SiteConfidence.Low),
            s => Assert.Equal(s.Site.Instruction.Mnemonic != Iced.Intel.Mnemonic.Pushfd, s.Tactic == PatchTactic.Leave));
    }

    [Fact]
    public void FindingsAreCounted()
    {
        var wishes = new RewriteWishes(PolicyReader.Parse("p.yaml", "rules:\n  - silent: leave\n"));
        PatchPlan plan = RewritePipeline.Rewrite(_image, ExecutionMode.Para, wishes: wishes).Plan;
        int silent = plan.Sites.Count(s => s.Site.Class == SensitivityClass.Silent && s.Site.Confidence != SiteConfidence.Low);
        Assert.True(silent > 0);
        Assert.Equal($"findings: silent-unpatched {silent}", Findings.Describe(plan, FindingKinds.SilentUnpatched | FindingKinds.LeakingUnpatched));
        Assert.Null(Findings.Describe(plan, FindingKinds.LeakingUnpatched));
        PatchPlan full = RewritePipeline.Rewrite(_image, ExecutionMode.Full).Plan;
        Assert.StartsWith("findings: trap ", Findings.Describe(full, FindingKinds.Trap), StringComparison.Ordinal);
    }
}
