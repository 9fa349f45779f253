using Rewriter.Images;
using Rewriter.Images.Compression;
using Rewriter.Rewritten;
using Rewriter.Scanning;
using Runtime.Abi;
using Xunit;

namespace Tests.Images;

/// <summary>Whatever a file holds, reading it gives an image or a <see cref="BadImageException"/>, and soon.</summary>
public sealed class HostileImageTests
{
    const int Rounds = 1500;

    public static TheoryData<string> Images =>
        ["tiny.elf", "tiny-stripped.elf", "pe", "bzimage", "bzimage-plain", "multiboot", "rewritten", "module.o", "module64.o", "rewritten-module"];

    public static TheoryData<string> Payloads =>
        ["code.x86.crc32.xz", "code.crc64.xz", "code.sha256.xz", "code.x86.none.xz", "code.lzma", "code.lz4", "code.gz", "noise.xz"];

    [Theory]
    [MemberData(nameof(Images))]
    public void DamagedImagesAreRefusedOrRead(string name)
    {
        byte[] good = Make(name);
        var random = new Random(20);
        for (int round = 0; round < Rounds; round++)
        {
            byte[] bad = Damage(good, random);
            try
            {
                bool isRewritten = RewrittenImage.TryOpen(name, bad, out KernelImage image, out _, out _);
                Scanner.Scan(isRewritten ? image : KernelImage.Load(name, bad), 1);
            }
            catch (BadImageException)
            {
                // One of the two permitted outcomes.
            }
        }
    }

    [Theory]
    [MemberData(nameof(Payloads))]
    public void DamagedPayloadsAreRefusedOrUnpacked(string name)
    {
        byte[] good = Fixture.Bytes(name);
        var random = new Random(21);
        for (int round = 0; round < Rounds; round++)
        {
            try
            {
                CompressedPayload.Unpack(new ByteView(Damage(good, random)));
            }
            catch (BadImageException)
            {
                // One of the two permitted outcomes.
            }
        }
    }

    [Theory]
    [MemberData(nameof(Images))]
    public void EveryTruncationIsRefusedOrRead(string name)
    {
        byte[] good = Make(name);
        for (int length = 0; length < good.Length; length += 1 + (length / 16))
        {
            try
            {
                KernelImage.Load(name, good.AsMemory(0, length));
            }
            catch (BadImageException error)
            {
                Assert.DoesNotContain('\n', error.Message);
            }
        }
    }

    static byte[] Make(string name) => name switch
    {
        "pe" => ImageBuilder.Pe([0xFA, 0xFF, 0x15, 0, 0x20, 0x40, 0, 0xC3], [ImageBuilder.PeText]),
        "bzimage" => ImageBuilder.BzImage(Fixture.Bytes("tiny.elf"), [0x100040], ImageBuilder.Gzip),
        "bzimage-plain" => ImageBuilder.BzImage(Fixture.Bytes("tiny.elf"), [0x100040], bytes => bytes),
        "multiboot" => ImageBuilder.Multiboot([0xFA, 0xE8, 0, 0, 0, 0, 0xF4, 0xC3]),
        "rewritten" => Rewriter.RewritePipeline.Rewrite(KernelImage.Load("tiny.elf", Fixture.Bytes("tiny.elf")), ExecutionMode.Para).File,
        "rewritten-module" => Rewriter.RewritePipeline.Rewrite(KernelImage.Load("module.o", Fixture.Bytes("module.o")), ExecutionMode.Para).File,
        _ => Fixture.Bytes(name),
    };

    static byte[] Damage(byte[] good, Random random)
    {
        byte[] bad = [.. good];
        int flips = random.Next(1, 12);
        for (int i = 0; i < flips; i++)
        {
            // Headers are where damage hurts: half of it goes there.
            int at = random.Next(random.Next(2) == 0 ? Math.Min(bad.Length, 600) : bad.Length);
            bad[at] = random.Next(4) switch { 0 => 0xFF, 1 => 0, 2 => 0x7F, _ => (byte)random.Next(256) };
        }

        return random.Next(4) == 0 ? bad[..random.Next(bad.Length)] : bad;
    }
}
