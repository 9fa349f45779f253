using Rewriter;
using Rewriter.Diff;
using Rewriter.Images;
using Rewriter.Policies;
using Runtime.Abi;
using Tests.Images;
using Xunit;

namespace Tests.Diff;

/// <summary>What changed is told; what only moved is not.</summary>
public sealed class ImageDiffTests
{
    // pushf; mov [101040h], eax; cli; mov eax, cr0; sti; ret
    static readonly byte[] _code = [0x9C, 0xA3, 0x40, 0x10, 0x10, 0x00, 0xFA, 0x0F, 0x20, 0xC0, 0xFB, 0xC3];

    [Fact]
    public void WhatOnlyMovedIsTheSame()
    {
        ImageDiff diff = ImageDiff.Between(Side(_code), Side([0x90, 0x90, .. _code]));
        Assert.True(diff.IsEmpty);
        Assert.Equal(4, diff.Unchanged);
    }

    [Fact]
    public void SitesGoneAndNewAreTold()
    {
        byte[] changed = [.. _code];
        changed[6] = 0x90; // cli
        changed[11] = 0xF4; // hlt instead of ret
        ImageDiff diff = ImageDiff.Between(Side(_code), Side([.. changed, 0xC3]));
        Assert.Equal(["gone cli", "new hlt"], diff.Functions.SelectMany(f => f.Changes).Select(c => $"{c.Kind} {c.Text}").Order());
        Assert.Equal(["gone 1", "new 1"], diff.Totals.Select(t => $"{t.Kind} {t.Count}"));
        Assert.Equal(0x100026ul, diff.Functions.SelectMany(f => f.Changes).Single(c => c.Kind == "gone").OldAddress);
    }

    [Fact]
    public void AnotherTacticAndShimAreTold()
    {
        KernelImage image = KernelImage.Load("tiny.elf", Fixture.Bytes("tiny.elf"));
        var wishes = new RewriteWishes(PolicyReader.Parse("p.yaml", "rules: [{\"sti in work\": leave}]"));
        DiffSide para = DiffSide.Read("a", RewritePipeline.Rewrite(image, ExecutionMode.Para).File);
        DiffSide policy = DiffSide.Read("b", RewritePipeline.Rewrite(image, ExecutionMode.Para, wishes: wishes).File);
        FunctionDiff function = Assert.Single(ImageDiff.Between(para, policy).Functions, f => f.Changes.Any(c => c.Text == "sti"));
        Assert.Equal("work", function.Function);
        Assert.Contains(function.Changes, c => c is { Kind: "tactic", Text: "sti", New: "leave" });
        Assert.DoesNotContain(function.Changes, c => c is { Kind: "shim", Text: "sti" });
        DiffSide other = new("c", [.. para.Sites.Select(s => s.Shim is { Length: > 0 } ? s with { Shim = s.Shim + " differently" } : s)]);
        Assert.Equal(para.Sites.Count(s => s.Shim is { Length: > 0 }), ImageDiff.Between(para, other).Totals.Single(t => t.Kind == "shim").Count);
        Assert.True(ImageDiff.Between(para, para).IsEmpty);

        // An original has neither: nothing to tell.
        Assert.True(ImageDiff.Between(DiffSide.Read("o", image.File), para).IsEmpty);
    }

    /// <summary>A variable moves with every link, a port is another port.</summary>
    [Fact]
    public void AnOperandThatMovedIsNoOtherShim()
    {
        byte[] code = [0x0F, 0x00, 0x2D, 0x40, 0x10, 0x10, 0x00, 0xE4, 0x60, 0x90, 0x90, 0x90, 0xC3]; // verw [101040h]; in al, 60h
        byte[] relinked = [.. code];
        relinked[3] = 0x80;
        byte[] otherPort = [.. code];
        otherPort[8] = 0x40;
        Assert.True(ImageDiff.Between(Para(code), Para(relinked)).IsEmpty);
        SiteChange change = Assert.Single(ImageDiff.Between(Para(code), Para(otherPort)).Functions.SelectMany(f => f.Changes));
        Assert.Equal(("shim", "in al, 0x40"), (change.Kind, change.Text));
    }

    static DiffSide Para(byte[] code) =>
        DiffSide.Read("k", RewritePipeline.Rewrite(KernelImage.Load("k", ImageBuilder.Multiboot(code)), ExecutionMode.Para).File);

    static DiffSide Side(byte[] code) => DiffSide.Read("k", ImageBuilder.Multiboot(code));
}
