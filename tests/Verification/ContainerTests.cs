using System.Buffers.Binary;
using Rewriter;
using Rewriter.Images;
using Rewriter.Images.Compression;
using Rewriter.Verification;
using Runtime.Abi;
using Tests.Images;
using Xunit;

namespace Tests.Verification;

/// <summary>Headers that lead elsewhere, and bytes that belong to nothing, are found with their place.</summary>
public sealed class ContainerTests
{
    const int Payload = 0x400 + 64;

    static readonly Dictionary<string, (Action<byte[]> Doctor, string Check, string Place, string What)> _bzImage = new()
    {
        ["syssize"] = (file => Word(file, 0x1F4, 0x1000), "container", "offset 0x1f4", "syssize claims"),
        ["setup_sects"] = (file => file[0x1F1] = 9, "container", "offset 0x1f4", "syssize claims"),
        ["payload_offset"] = (file => Word(file, 0x248, 0x10_0000), "container", "offset 0x248", "does not lie within"),
        ["payload_length"] = (file => Word(file, 0x24C, 3), "container", "offset 0x248", "does not lie within"),
        ["a byte of the payload"] = (file => file[Payload + 20] ^= 1, "container", $"offset 0x{Payload:x}", "does not unpack to"),
        ["a byte of the setup code"] = (file => file[0x300] ^= 1, "bytes", "offset 0x300", "holds"),
    };

    public static TheoryData<string> BzImageFields => [.. _bzImage.Keys];

    [Theory]
    [MemberData(nameof(BzImageFields))]
    public void ADoctoredBzImageIsFound(string what)
    {
        (Action<byte[]> doctor, string check, string place, string words) = _bzImage[what];
        Expect("bzimage", ImageBuilder.BzImage(Fixture.Bytes("tiny.elf"), [0x100040], ImageBuilder.Gzip), doctor, check, place, words);
    }

    /// <summary>Kernels that nobody has signed end in a CRC (arch/x86/boot/tools/build.c).</summary>
    [Fact]
    public void AnotherCrcIsFound()
    {
        byte[] image = [.. ImageBuilder.BzImage(Fixture.Bytes("tiny.elf"), [0x100040], ImageBuilder.Gzip), .. new byte[16]];
        Word(image, 0x1F4, BitConverter.ToUInt32(image, 0x1F4) + 1);
        Word(image, image.Length - 4, ~Crc32.Of(image.AsSpan(0, image.Length - 4)));
        Expect("bzimage", image, file => file[image.Length - 1] ^= 1, "container", $"offset 0x{image.Length - 4:x}", "the CRC at the end");
    }

    /// <summary>The length behind the packed payload and the memory that the kernel takes are those of a real kernel only.</summary>
    [Theory]
    [InlineData("unpacked length", "the payload claims to unpack to")]
    [InlineData("init_size", "init_size is 4096")]
    public void ADoctoredKernelIsFound(string what, string words)
    {
        byte[] kernel = File.ReadAllBytes(Fixture.Downloaded("vmlinuz-*-686"));
        int payloadEnd = ((kernel[0x1F1] + 1) * 512) + BitConverter.ToInt32(kernel, 0x248) + BitConverter.ToInt32(kernel, 0x24C);
        Expect(what, kernel, file => Word(file, what == "init_size" ? 0x260 : payloadEnd - 4, what == "init_size" ? 4096u : 77), "container", "offset 0x", words);
    }

    [Theory]
    [InlineData("pe")]
    [InlineData("multiboot")]
    [InlineData("bzimage")]
    [InlineData("tiny.elf")]
    public void BytesThatBelongToNothingAreFound(string name)
    {
        byte[] image = name switch
        {
            "pe" => ImageBuilder.Pe([0xFA, 0x0F, 0xA2, 0xFB, 0x9C, 0x58, 0xC3], []),
            "multiboot" => ImageBuilder.Multiboot([0xFA, 0x0F, 0xA2, 0xFB, 0xF4, 0xC3]),
            "bzimage" => ImageBuilder.BzImage(Fixture.Bytes("tiny.elf"), [0x100040], ImageBuilder.Gzip),
            _ => Fixture.Bytes(name),
        };
        byte[] good = RewritePipeline.Rewrite(KernelImage.Load(name, image), ExecutionMode.Para).File;
        byte[] padded = [.. good[..^32], .. new byte[] { 1, 2, 3, 4 }, .. good[^32..]];
        VerificationReport report = ImageVerifier.Verify(name, padded, image);
        Assert.Contains(report.Violations, v => v is { Check: "container" } && v.Place == $"offset 0x{good.Length - 32:x}" && v.What.Contains("belong to nothing", StringComparison.Ordinal));
    }

    /// <summary>A relocation of a word that is overwritten would have the loader change the patch.</summary>
    [Fact]
    public void ADoctoredPeFileIsFound()
    {
        byte[] image = ImageBuilder.Pe([0xFA, 0x0F, 0xA2, 0xFB, 0x9C, 0x58, 0xC3], []);
        Expect("pe", image, file => file[0x80 + 24 + 64] ^= 1, "bytes", "0x000000d8", "the checksum in the header");
        Expect("pe", image, file => file[0x80 + 22] ^= 1, "bytes", "offset 0x96", "holds");
        Expect("pe", image, file => file[0x600] ^= 1, "bytes", "offset 0x600", "holds");
    }

    // The manifest and the plan are as they were: only what a loader reads is wrong.
    static void Expect(string name, byte[] image, Action<byte[]> doctor, string check, string place, string words)
    {
        Rewriting good = RewritePipeline.Rewrite(KernelImage.Load(name, image), ExecutionMode.Para);
        byte[] file = [.. good.File];
        VerificationReport before = ImageVerifier.Verify(name, new VerifiedImage(KernelImage.Load(name, image), good.Plan, good.Manifest, file), compiles: false);
        Assert.Empty(before.Violations);
        doctor(file);
        VerificationReport report = ImageVerifier.Verify(name, new VerifiedImage(KernelImage.Load(name, image), good.Plan, good.Manifest, file), compiles: false);
        Assert.Contains(report.Violations, v => v.Check == check && v.Place.StartsWith(place, StringComparison.Ordinal) && v.What.Contains(words, StringComparison.Ordinal));
    }

    static void Word(byte[] file, int at, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(at), value);
}
