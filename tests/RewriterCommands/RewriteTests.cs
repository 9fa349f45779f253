using Rewriter;
using Rewriter.Images;
using Rewriter.Patching;
using Rewriter.Rewritten;
using Rewriter.Scanning;
using Runtime.Abi;
using Tests.Images;
using Xunit;

namespace Tests.RewriterCommands;

/// <summary>What must hold for every rewritten image.</summary>
public sealed class RewriteTests
{
    public static TheoryData<string, ExecutionMode> All
    {
        get
        {
            var all = new TheoryData<string, ExecutionMode>();
            foreach (string name in (string[])["tiny.elf", "tiny-stripped.elf", "pe", "bzimage", "multiboot"])
            {
                all.Add(name, ExecutionMode.Full);
                all.Add(name, ExecutionMode.Para);
            }

            return all;
        }
    }

    [Theory]
    [MemberData(nameof(All))]
    public void RestoringGivesTheInputBack(string name, ExecutionMode mode)
    {
        byte[] input = Make(name);
        byte[] output = RewritePipeline.Rewrite(KernelImage.Load(name, input), mode).File;
        Assert.NotEqual(input, output);
        Assert.Equal(input, RewrittenImage.Restore(output));
    }

    [Theory]
    [MemberData(nameof(All))]
    public void TheSameInputGivesTheSameBytes(string name, ExecutionMode mode)
    {
        byte[] input = Make(name);
        byte[] first = RewritePipeline.Rewrite(KernelImage.Load(name, input), mode).File;
        byte[] second = RewritePipeline.Rewrite(KernelImage.Load("another name", input), mode).File;
        Assert.Equal(first, second);
    }

    [Theory]
    [MemberData(nameof(All))]
    public void OpeningGivesThePlanBack(string name, ExecutionMode mode)
    {
        Rewriting rewriting = RewritePipeline.Rewrite(KernelImage.Load(name, Make(name)), mode);
        Assert.True(RewrittenImage.TryOpen(name, rewriting.File, out KernelImage image, out PatchPlan plan, out Manifest manifest));
        Assert.Equal(Make(name), image.File.ToArray());
        Assert.Equal((mode, rewriting.Plan.WindowBase), (plan.Mode, plan.WindowBase));
        Assert.Equal(rewriting.Plan.Sites.Select(Describe), plan.Sites.Select(Describe));
        Assert.Equal(rewriting.Plan.Patches.Select(Describe), plan.Patches.Select(Describe));
        Assert.Equal(rewriting.Manifest.Source, manifest.Source);
    }

    [Theory]
    [MemberData(nameof(All))]
    public void OnlyPatchedBytesDiffer(string name, ExecutionMode mode)
    {
        KernelImage image = KernelImage.Load(name, Make(name));
        (ScanResult scan, PatchPlan plan) = RewritePipeline.Plan(image, mode);
        Assert.Equal(scan.Sites.Select(s => s.Address), plan.Sites.Select(s => s.Site.Address)); // total
        byte[] patched = ImagePatches.Apply(image, plan);
        for (int i = 0; i < patched.Length; i++)
        {
            bool isPatched = plan.Patches.Any(p => ImagePatches.FileOffset(image, p.Address, p.NewBytes.Length) is int at && i >= at
                && i < at + p.NewBytes.Length);
            Assert.True(isPatched || patched[i] == image.Payload.Span[i], $"byte {i:x} changed outside every patch");
        }
    }

    [Fact]
    public void WrittenUnchangedIsTheInput()
    {
        KernelImage image = KernelImage.Load("tiny.elf", Fixture.Bytes("tiny.elf"));
        Assert.Equal(Fixture.Bytes("tiny.elf"),
            ImagePatches.Apply(image, new PatchPlan(ExecutionMode.Trap, MonitorWindow.DefaultBase, [], [])));
    }

    [Fact]
    public void ARewrittenElfIsStillAnElf()
    {
        byte[] output = RewritePipeline.Rewrite(KernelImage.Load("tiny.elf", Fixture.Bytes("tiny.elf")), ExecutionMode.Para).File;
        KernelImage image = KernelImage.Load("out", output);
        Assert.Equal([".text", ".rodata", ".multiboot", ".bss"], image.Sections.Select(s => s.Name));
        Assert.Equal(2, image.Segments.Count);
    }

    [Fact]
    public void SixtyFourBitImagesAreRefused()
    {
        KernelImage image = KernelImage.Load("tiny.elf", Fixture.Bytes("tiny.elf"));
        var wide = new KernelImage
        {
            Name = "wide",
            Format = ImageFormat.Elf64,
            Bitness = 64,
            File = image.File,
            Payload = image.Payload,
            EntryPoint = image.EntryPoint,
            Sections = image.Sections,
            Symbols = [],
            Relocations = [],
        };
        Assert.Throws<BadImageException>(() => RewritePipeline.Plan(wide, ExecutionMode.Full));
    }

    [Fact]
    public void AWindowInsideTheImageIsRefused()
    {
        KernelImage image = KernelImage.Load("pe", Make("pe"));
        Assert.Contains("window", Assert.Throws<BadImageException>(() => RewritePipeline.Plan(image, ExecutionMode.Full, 0x40_0000))
            .Message, StringComparison.Ordinal);
    }

    [Fact]
    public void DebianKernelsAreHandledCompletely()
    {
        string path = Fixture.Downloaded("vmlinuz-6.1.0-*-686");
        KernelImage image = KernelImage.Load(path);
        Rewriting rewriting = RewritePipeline.Rewrite(image, ExecutionMode.Para);
        Assert.False(RewritePipeline.IsIncomplete(rewriting.Plan));
        List<PlannedSite> proven = [.. rewriting.Plan.Sites.Where(s => s.Site.Confidence != SiteConfidence.Low)];
        int jumps = proven.Count(s => s.Tactic is not (PatchTactic.Trap or PatchTactic.Leave));
        Assert.True(jumps >= 0.96 * proven.Count, $"{jumps} of {proven.Count}");
        Assert.True(RewrittenImage.TryOpen("out", rewriting.File, out KernelImage original, out PatchPlan plan, out _));
        Assert.True(original.File.Span.SequenceEqual(image.File.Span));
        Assert.Equal(rewriting.Plan.Patches.Count, plan.Patches.Count);
    }

    internal static byte[] Make(string name) => name switch
    {
        "pe" => ImageBuilder.Pe([0xFA, 0x9C, 0x58, 0x31, 0xC0, 0x40, 0x0F, 0xA2, 0xC3], [ImageBuilder.PeText]),
        "bzimage" => ImageBuilder.BzImage(Fixture.Bytes("tiny.elf"), [0x100040, 0x100044], ImageBuilder.Gzip),
        "multiboot" => ImageBuilder.Multiboot([0xFA, 0x9C, 0x58, 0x31, 0xC0, 0x40, 0x0F, 0xA2, 0xF4, 0xEB, 0xFD]),
        _ => Fixture.Bytes(name),
    };

    static string Describe(PlannedSite planned)
    {
        SensitiveInstruction s = planned.Site;
        return $"{planned.Index} {s.Address:x} {Convert.ToHexString(s.Code.Span)} {s.Class} {s.Confidence} {s.Section} {s.Symbol} "
            + $"{planned.Tactic} {planned.Shim} {planned.Reason}";
    }

    static string Describe(Patch p) =>
        $"{p.Address:x} {Convert.ToHexString(p.OriginalBytes.Span)} {Convert.ToHexString(p.NewBytes.Span)} {p.Tactic} "
            + $"{p.TrampolineAddress:x} {Convert.ToHexString(p.Trampoline.Span)} {p.Landing:x} {string.Join(",", p.Map)}";
}
