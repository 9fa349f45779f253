using System.Buffers.Binary;
using Iced.Intel;
using Rewriter;
using Rewriter.Images;
using Rewriter.Patching;
using Rewriter.Rewritten;
using Rewriter.Scanning;
using Runtime.Abi;
using Tests.Images;
using Xunit;

namespace Tests.Rewritten;

/// <summary>Loadable modules: what is rewritten works as before, wherever it is loaded.</summary>
public sealed class ObjectRewriteTests
{
    private static readonly byte[] s_module = Fixture.Bytes("module.o");

    [Theory]
    [InlineData(ExecutionMode.Para)]
    [InlineData(ExecutionMode.Full)]
    public void ARewrittenModuleDoesTheSame(ExecutionMode mode)
    {
        byte[] rewritten = RewritePipeline.Rewrite(KernelImage.Load("module.o", s_module), mode).File;
        for (uint counter = 40; counter < 44; counter++)
        {
            ObjectRun expected = ObjectRun.Of(s_module, counter);
            Assert.StartsWith("Halt", expected.Registers, StringComparison.Ordinal);
            Assert.Equal("80=7", expected.Ports);
            Assert.Equal(expected, ObjectRun.Of(rewritten, counter));
        }
    }

    [Fact]
    public void EverySiteIsTakenOverAndNoneRunsSilently()
    {
        Rewriting rewriting = RewritePipeline.Rewrite(KernelImage.Load("module.o", s_module), ExecutionMode.Para);
        Assert.All(Proven(rewriting.Plan), site => Assert.NotEqual(PatchTactic.Leave, site.Tactic));
        Assert.Contains(rewriting.Plan.Patches, patch => patch.Tactic == PatchTactic.Redirected);
        foreach (PlannedSite site in Proven(rewriting.Plan))
        {
            Patch patch = rewriting.Plan.Patches.First(p => site.Site.Address - p.Address < (ulong)p.NewBytes.Length);
            TrampolineMapEntry entry = patch.Map.Single(e => e.GuestAddress == site.Site.Address && e.IsRestart);
            bool isPrefixed = patch.Trampoline.Span[entry.Offset..].StartsWith(EmulatePrefix.Bytes);
            Assert.Equal(site.Site.Class != SensitivityClass.Trapping, isPrefixed);
        }
    }

    [Fact]
    public void TheExceptionTableNamesWhereTheInstructionIsNow()
    {
        KernelImage rewritten = KernelImage.Load("out", RewritePipeline.Rewrite(KernelImage.Load("module.o", s_module), ExecutionMode.Para).File);
        ImageSection table = rewritten.Sections.Single(s => s.Name == "__ex_table");
        ReadOnlySpan<byte> entry = rewritten.Bytes(table);
        uint faulting = (uint)table.Address + BinaryPrimitives.ReadUInt32LittleEndian(entry);
        uint fixup = (uint)table.Address + 4 + BinaryPrimitives.ReadUInt32LittleEndian(entry[4..]);
        Assert.Equal(Code.Rdmsr, Decode(rewritten, faulting).Code);
        Assert.Equal(faulting + 2, fixup);
        Assert.Equal(Code.Mov_moffs32_EAX, Decode(rewritten, fixup).Code);
    }

    /// <summary>mov dx, 5658h ; in eax, dx: five bytes that the kernel may replace all at once. Half of a patch would be left if it were longer.</summary>
    [Fact]
    public void APatchOfAnAlternativeLiesWithinIt()
    {
        Rewriting rewriting = RewritePipeline.Rewrite(KernelImage.Load("module.o", s_module), ExecutionMode.Para);
        SelfPatchedRange alternative = Assert.Single(rewriting.Scan.Map.SelfPatched.ToArray(), range => range.Kind == SelfPatchKind.Alternative);
        Patch patch = Assert.Single(rewriting.Plan.Patches, p => p.Address < alternative.End && p.Address + (ulong)p.NewBytes.Length > alternative.Start);
        Assert.Equal((alternative.Start, alternative.Length), (patch.Address, patch.NewBytes.Length));
    }

    [Theory]
    [InlineData(ExecutionMode.Para)]
    [InlineData(ExecutionMode.Full)]
    public void RestoringGivesTheInputBackAndOpeningThePlan(ExecutionMode mode)
    {
        Rewriting rewriting = RewritePipeline.Rewrite(KernelImage.Load("module.o", s_module), mode);
        Assert.Equal(s_module, RewrittenImage.Restore(rewriting.File));
        Assert.True(RewrittenImage.TryOpen("module.o", rewriting.File, out _, out PatchPlan plan, out _));
        Assert.Equal(rewriting.Plan.Patches.Select(p => (p.Address, p.TrampolineAddress)), plan.Patches.Select(p => (p.Address, p.TrampolineAddress)));
        Assert.Equal(rewriting.File, RewritePipeline.Rewrite(KernelImage.Load("other", s_module), mode).File);
    }

    [Fact]
    public void ASignatureAtTheEndComesBack()
    {
        byte[] signed = [.. s_module, .. "signature"u8, .. "~Module signature appended~\n"u8];
        byte[] rewritten = RewritePipeline.Rewrite(KernelImage.Load("module.o", signed), ExecutionMode.Para).File;
        Assert.False(rewritten.AsSpan().EndsWith("~Module signature appended~\n"u8));
        Assert.Equal(signed, RewrittenImage.Restore(rewritten));
    }

    /// <summary>The figure that the project promises for Debian's modules, and that nothing the kernel patches itself is touched.</summary>
    [Fact]
    public void AlmostAllSitesOfDebiansModulesAreJumps()
    {
        string modules = Fixture.Downloaded("modules/*-686");
        int proven = 0, jumps = 0, silentLeft = 0;
        foreach (string path in Directory.EnumerateFiles(modules, "*.ko", SearchOption.AllDirectories))
        {
            (ScanResult scan, PatchPlan plan) = RewritePipeline.Plan(KernelImage.Load(path), ExecutionMode.Para);
            PlannedSite[] sites = [.. plan.Sites.Where(site => site.Site.Confidence != SiteConfidence.Low)];
            proven += sites.Length;
            jumps += sites.Count(site => site.Tactic != PatchTactic.Leave);
            silentLeft += sites.Count(site => site.Tactic == PatchTactic.Leave && site.Site.Class == SensitivityClass.Silent);
            Assert.All(plan.Patches, patch => Assert.False(IsSelfPatched(scan, patch), $"{path} {patch.Address:x8}"));
        }

        Assert.Equal(0, silentLeft);
        Assert.True(jumps >= 0.999 * proven, $"{jumps} of {proven}");
    }

    // The site itself may be what the kernel patches; a neighbour may not.
    private static bool IsSelfPatched(ScanResult scan, Patch patch) =>
        scan.Map.TryFindSelfPatched(patch.Address, patch.Address + (ulong)patch.NewBytes.Length, out SelfPatchedRange range)
            && !scan.Sites.Any(site => site.Address >= range.Start && site.Address < range.End);

    // What an alternative is replaced with is only copied from where it is.
    private static IEnumerable<PlannedSite> Proven(PatchPlan plan) => plan.Sites.Where(site => site.Site.Confidence != SiteConfidence.Low);

    private static Instruction Decode(KernelImage image, uint address)
    {
        ImageSection section = image.SectionAt(address)!;
        return Decoder.Create(32, image.Bytes(section)[(int)(address - section.Address)..].ToArray(), address).Decode();
    }
}
