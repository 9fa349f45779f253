using Iced.Intel;
using Rewriter.Images;
using Rewriter.Scanning;
using Tests.Images;
using Xunit;

namespace Tests.Scanning;

/// <summary>Which sites are found, and how sure the scanner is of them.</summary>
public sealed class ScannerTests
{
    static readonly string[] _tinySites =
        ["cli", "hlt", "pushfd", "sti", "cpuid", "mov", "rdtsc", "sgdt", "out"];

    [Theory]
    [InlineData("tiny.elf")]
    [InlineData("tiny-stripped.elf")]
    public void TextInCodeIsNoCode(string name)
    {
        ScanResult scan = Scanner.Scan(KernelImage.Load(name, Fixture.Bytes(name)));
        IEnumerable<string> proven = scan.Sites.Where(s => s.Confidence == SiteConfidence.High)
            .Select(s => s.Instruction.Mnemonic.ToString().ToLowerInvariant());
        // Without symbols nothing says that the last function is one.
        Assert.Equal(name == "tiny.elf" ? _tinySites : _tinySites[..^1], proven);
        Assert.All(scan.Sites.Where(s => s.Instruction.Mnemonic is Mnemonic.Insb or Mnemonic.Outsb),
            s => Assert.Equal(SiteConfidence.Low, s.Confidence));
    }

    [Fact]
    public void NamesSectionAndSymbol()
    {
        ScanResult scan = Scanner.Scan(KernelImage.Load("tiny.elf", Fixture.Bytes("tiny.elf")));
        Assert.Equal((".text", "_start"), (scan.Sites[0].Section, scan.Sites[0].Symbol));
        Assert.Equal("case0", scan.Sites.Single(s => s.Instruction.Mnemonic == Mnemonic.Rdtsc).Symbol);
    }

    [Fact]
    public void SwitchTablesMakeTargets()
    {
        KernelImage image = KernelImage.Load("tiny.elf", Fixture.Bytes("tiny.elf"));
        CodeMap map = Scanner.Scan(image).Map;
        ulong case1 = image.Symbols.Single(s => s.Name == "case1").Address;
        Assert.True(map.IsInstructionStart(case1));
        Assert.True(map.IsTarget(case1));
    }

    [Fact]
    public void FollowsRelocatedPointersInPe()
    {
        // ret; padding; cli; ret — reached by the relocated word alone. The second word is no pointer: nothing relocates it.
        byte[] file = ImageBuilder.Pe([0xC3, 0xCC, 0xFA, 0xC3, 0xCC, 0xFB, 0xC3], [ImageBuilder.PeText + 2, ImageBuilder.PeText + 5]);
        ScanResult scan = Scanner.Scan(KernelImage.Load("pe", file));
        Assert.Equal([(ImageBuilder.PeText + 2ul, SiteConfidence.High), (ImageBuilder.PeText + 5ul, SiteConfidence.Low)],
            scan.Sites.Select(s => (s.Address, s.Confidence)));
    }

    [Fact]
    public void DebianSitesAreAllFoundAndTablesRead()
    {
        ScanResult scan = Scanner.Scan(KernelImage.Load(Fixture.Downloaded("vmlinuz-6.1.0-*-686")));
        Assert.InRange(scan.Sites.Count(s => s.Confidence != SiteConfidence.Low), 4400, 4800);
        Assert.All(scan.Map.Sections, s => Assert.True(s.IsCodeOnly, s.Name));
        Assert.InRange(scan.Sites.Count(s => s.Section == ".altinstr_replacement"), 80, 400);
        Dictionary<SelfPatchKind, int> kinds = scan.Map.SelfPatched.ToArray().GroupBy(s => s.Kind).ToDictionary(g => g.Key, g => g.Count());
        Assert.InRange(kinds[SelfPatchKind.JumpLabel], 5000, 5500);
        Assert.InRange(kinds[SelfPatchKind.Ftrace], 35_000, 40_000);
        Assert.InRange(kinds[SelfPatchKind.SmpLock], 7500, 8500);
        Assert.InRange(kinds[SelfPatchKind.Paravirt], 200, 300);
        Assert.InRange(kinds[SelfPatchKind.StaticCall], 600, 700);
        Assert.InRange(kinds[SelfPatchKind.Alternative], 600, 1000);
        Assert.InRange(scan.Map.Exceptions.Length, 1000, 1200);
        Assert.InRange(scan.Map.Holes.Length, 60_000, 80_000);
    }

    [Fact]
    public void WorkersChangeNothing()
    {
        KernelImage image = KernelImage.Load(Fixture.Downloaded("vmlinuz-6.1.0-*-686"));
        ScanResult one = Scanner.Scan(image, 1);
        ScanResult three = Scanner.Scan(image, 3);
        Assert.Equal(one.Sites.Select(s => (s.Address, s.Confidence, s.Symbol)),
            three.Sites.Select(s => (s.Address, s.Confidence, s.Symbol)));
        Assert.All(one.Map.Sections.Zip(three.Map.Sections), pair => Assert.True(pair.First.Marks.SequenceEqual(pair.Second.Marks)));
        Assert.True(one.Map.Holes.SequenceEqual(three.Map.Holes));
    }

    [Fact]
    public void MemtestDataIsNotCode()
    {
        ScanResult scan = Scanner.Scan(KernelImage.Load(Fixture.Downloaded("memtest86+ia32.efi")));
        List<SensitiveInstruction> proven = [.. scan.Sites.Where(s => s.Confidence != SiteConfidence.Low)];
        Assert.InRange(proven.Count, 200, 230);
        Assert.InRange(scan.Sites.Count, 1200, 1500);
        // Of the compiler's output: nothing behind .text, and none of the instructions that only data decodes to.
        ulong last = proven.Max(s => s.Address);
        Assert.True(last < 0x21_5000, $"0x{last:x}");
        Assert.DoesNotContain(proven, s =>
            s.Instruction.Mnemonic is Mnemonic.Les or Mnemonic.Lds or Mnemonic.Into or Mnemonic.Insd);
    }
}
