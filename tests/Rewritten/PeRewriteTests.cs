using System.Buffers.Binary;
using Rewriter;
using Rewriter.Images;
using Rewriter.Patching;
using Rewriter.Rewritten;
using Runtime.Abi;
using Tests.Images;
using Xunit;

namespace Tests.Rewritten;

/// <summary>PE32 files: what a loader would undo or refuse is put right.</summary>
public sealed class PeRewriteTests
{
    private const int Relocations = 0x600;
    private const int PeHeader = 0x80;
    private const int CheckSum = PeHeader + 24 + 64;

    // cli; mov eax, [402000h]; out 80h, al; ret: the address is relocated, and displaced with the cli.
    private static readonly byte[] s_text = [0xFA, 0xA1, 0, 0x20, 0x40, 0, 0xE6, 0x80, 0xC3];

    [Fact]
    public void RelocationsOfDisplacedWordsAreSwitchedOff()
    {
        byte[] original = Pe();
        byte[] rewritten = Rewrite(original, ExecutionMode.Para);
        Assert.Equal(0x3002, Half(original, Relocations + 8));
        Assert.Equal(0, Half(rewritten, Relocations + 8)); // IMAGE_REL_BASED_ABSOLUTE: skipped by loaders
        Assert.Equal(1, Half(rewritten, PeHeader + 22) & 1); // IMAGE_FILE_RELOCS_STRIPPED: not to be moved
        Assert.Equal(original, RewrittenImage.Restore(rewritten));
    }

    [Fact]
    public void WithoutJumpsTheImageMayStillMove()
    {
        byte[] rewritten = Rewrite(Pe(), ExecutionMode.Full);
        Assert.Equal(0x3002, Half(rewritten, Relocations + 8));
        Assert.Equal(0, Half(rewritten, PeHeader + 22) & 1);
    }

    [Theory]
    [InlineData(ExecutionMode.Para)]
    [InlineData(ExecutionMode.Full)]
    public void TheCheckSumIsRight(ExecutionMode mode)
    {
        byte[] rewritten = Rewrite(Pe(), mode);
        uint written = BinaryPrimitives.ReadUInt32LittleEndian(rewritten.AsSpan(CheckSum));
        rewritten.AsSpan(CheckSum, 4).Clear();

        // ImageHlp's sum, counted in the widest way: carries are added only at the end.
        ulong sum = 0;
        for (int at = 0; at < rewritten.Length; at++)
        {
            sum += (ulong)rewritten[at] << (at % 2 * 8);
        }

        while (sum > 0xFFFF)
        {
            sum = (sum & 0xFFFF) + (sum >> 16);
        }

        Assert.Equal((uint)sum + (uint)rewritten.Length, written);
    }

    [Fact]
    public void MemtestIsRewrittenAndItsDataIsNot()
    {
        byte[] original = File.ReadAllBytes(Fixture.Downloaded("memtest86+ia32.efi"));
        Rewriting rewriting = RewritePipeline.Rewrite(KernelImage.Load("memtest", original), ExecutionMode.Para);
        Assert.Equal(original, RewrittenImage.Restore(rewriting.File));
        PlannedSite[] doubtful = [.. rewriting.Plan.Sites.Where(site => site.Site.Confidence == Rewriter.Scanning.SiteConfidence.Low)];
        Assert.InRange(doubtful.Length, 1000, 1400);
        Assert.All(doubtful, site => Assert.Equal(PatchTactic.Leave, site.Tactic));
        Assert.InRange(rewriting.Plan.Sites.Count - doubtful.Length, 190, 230);
    }

    private static byte[] Pe()
    {
        byte[] file = ImageBuilder.Pe(s_text, [ImageBuilder.PeText]);
        BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(Relocations), 0x1000);
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(Relocations + 8), 0x3002);
        return file;
    }

    private static byte[] Rewrite(byte[] file, ExecutionMode mode) => RewritePipeline.Rewrite(KernelImage.Load("pe", file), mode).File;

    private static int Half(byte[] file, int offset) => BinaryPrimitives.ReadUInt16LittleEndian(file.AsSpan(offset));
}
