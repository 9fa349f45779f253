using Rewriter;
using Rewriter.Images;
using Rewriter.Rewritten;
using Runtime.Abi;
using Tests.Images;
using Xunit;

namespace Tests.RewriterCommands;

/// <summary>Manifests are untrusted: each of these lies is named.</summary>
public sealed class DoctoredManifestTests
{
    static readonly KernelImage _image = KernelImage.Load("tiny.elf", Fixture.Bytes("tiny.elf"));
    static readonly Rewriting _good = RewritePipeline.Rewrite(_image, ExecutionMode.Para);

    public static TheoryData<string> Lies => [.. _lies.Keys];

    static readonly Dictionary<string, Func<Manifest, Manifest>> _lies = new()
    {
        ["of version 2"] = m => m with { Version = 2 },
        ["mode 'quick'"] = m => m with { Mode = "quick" },
        ["monitor window"] = m => m with { WindowBase = 0x1000 },
        ["larger than the file"] = m => m with { OriginalSize = 1L << 40 },
        ["not those of the original"] = m => m with { OriginalDigest = new string('0', 64) },
        ["does not match its digest"] = m => m with { AssemblyDigest = "" },
        ["is out of order"] = m => m with { Sites = [.. m.Sites.Reverse()] },
        ["is not the instruction"] = m => m with { Sites = [m.Sites[0] with { Address = m.Sites[0].Address + 1 }, .. m.Sites[1..]] },
        ["has a confidence or tactic"] = m => m with { Sites = [m.Sites[0] with { Tactic = 99 }, .. m.Sites[1..]] },
        ["overlaps the patch before it"] = m =>
            m with { IsPatchedInPlace = false, OriginalSize = 0, Patches = [m.Patches[0], .. m.Patches] },
        ["lies outside the image"] = m => m with { Patches = [.. m.Patches, m.Patches[^1] with { Address = 0xFFFF_FFF0 }] },
        ["trampoline outside the monitor window"] = m =>
            m with { Patches = [m.Patches[0] with { Trampoline = 0x1000 }, .. m.Patches[1..]] },
        ["trampoline map"] = m => m with { Patches = [m.Patches[0] with { Map = [9999, 0, 0] }, .. m.Patches[1..]] },
        ["no patch covers it"] = m => m with { Patches = [] },
        ["null"] = m => m with { Sites = [null!] },
    };

    [Theory]
    [MemberData(nameof(Lies))]
    public void IsRefusedWithItsPlace(string expected)
    {
        Manifest doctored = _lies[expected](_good.Manifest);
        byte[] file = expected == "overlaps the patch before it" ? Appended(doctored with { OriginalSize = _image.File.Length })
            : Written(doctored);
        var error = Assert.Throws<BadImageException>(() => RewrittenImage.TryOpen("x", file, out _, out _, out _));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ADamagedManifestFailsItsChecksum()
    {
        byte[] file = [.. _good.File];
        file[BitConverter.ToInt64(file, file.Length - 24) + 10] ^= 1; // the footer holds the manifest's offset
        Assert.Contains("manifest", Assert.Throws<BadImageException>(() => RewrittenImage.Restore(file)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void APatchedImageThatWasPatchedAgainIsRefused()
    {
        byte[] file = [.. _good.File];
        file[0x1001] ^= 0xFF;
        Assert.Throws<BadImageException>(() => RewrittenImage.Restore(file));
    }

    static byte[] Written(Manifest manifest)
    {
        // "no patch covers it" must not fail on the patched bytes first: those are written as the original.
        bool isUnpatched = manifest.Patches.Length == 0;
        return RewrittenImage.Write(_image, isUnpatched ? _good.Plan with { Patches = [] } : _good.Plan, manifest);
    }

    static byte[] Appended(Manifest manifest) =>
        RewrittenImage.Write(_image, _good.Plan with { Patches = [] }, manifest with { IsPatchedInPlace = false });
}
