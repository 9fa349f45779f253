using System.Text;
using Rewriter.Images;
using Rewriter.Images.Compression;
using Xunit;

namespace Tests.Images;

/// <summary>Decoders against files that xz, lz4 and gzip made.</summary>
public sealed class CompressionTests
{
    [Theory]
    [InlineData("code.x86.crc32.xz")]
    [InlineData("code.crc64.xz")]
    [InlineData("code.sha256.xz")]
    [InlineData("code.x86.none.xz")]
    [InlineData("code.lzma")]
    [InlineData("code.lz4")]
    [InlineData("code.gz")]
    public void UnpacksWhatTheToolPacked(string name) =>
        Assert.Equal(Fixture.Bytes("code.bin"), CompressedPayload.Unpack(new ByteView(Fixture.Bytes(name))));

    [Theory]
    [InlineData("code.x86.crc32.xz")]
    [InlineData("code.lz4")]
    public void IgnoresTheSizeThatTheLinuxBuildAppends(string name)
    {
        byte[] expected = Fixture.Bytes("code.bin");
        byte[] packed = [.. Fixture.Bytes(name), .. BitConverter.GetBytes(expected.Length)];
        Assert.Equal(expected, CompressedPayload.Unpack(new ByteView(packed)));
    }

    [Fact]
    public void UnpacksLzmaWithAKnownSize()
    {
        byte[] expected = Fixture.Bytes("code.bin");
        byte[] packed = Fixture.Bytes("code.lzma");
        BitConverter.GetBytes((long)expected.Length).CopyTo(packed, 5);
        Assert.Equal(expected, CompressedPayload.Unpack(new ByteView(packed)));
    }

    [Fact]
    public void UnpacksUncompressedChunks() => Assert.Equal(Noise(6000), CompressedPayload.Unpack(new ByteView(Fixture.Bytes("noise.xz"))));

    [Fact]
    public void UnpacksMoreThanOneChunk()
    {
        byte[] noise = Noise(600);
        var expected = new byte[3_000_000];
        for (int i = 0; i < expected.Length; i++)
        {
            expected[i] = (byte)(i / 600 % 500 == 0 ? (i / 7) + noise[i % 600] : noise[i % 600]);
        }

        Assert.Equal(expected, CompressedPayload.Unpack(new ByteView(Fixture.Bytes("pattern.xz"))));
    }

    [Theory]
    [InlineData("code.zst", "zstd")]
    public void NamesWhatItCannotUnpack(string name, string compression)
    {
        var error = Assert.Throws<BadImageException>(() => CompressedPayload.Unpack(new ByteView(Fixture.Bytes(name))));
        Assert.Contains(compression, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void RefusesToUnpackMoreThanItsLimit() =>
        Assert.Throws<BadImageException>(() => XzDecoder.Decode(new ByteView(Fixture.Bytes("pattern.xz")), 1 << 20));

    [Fact]
    public void ChecksumsHaveTheirPublishedCheckValues()
    {
        byte[] digits = Encoding.ASCII.GetBytes("123456789");
        Assert.Equal(0xCBF43926u, Crc32.Of(digits));
        Assert.Equal(0x995DC9BBDF1939FAul, Crc64.Of(digits));
    }

    static byte[] Noise(int length)
    {
        var noise = new byte[length];
        uint state = 1;
        for (int i = 0; i < length; i++)
        {
            state = unchecked((state * 1664525) + 1013904223);
            noise[i] = (byte)(state >> 24);
        }

        return noise;
    }
}
