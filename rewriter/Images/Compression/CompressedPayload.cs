// The kernel's self-extractor accepts seven compressions, told apart by their magic numbers (Linux lib/decompress.c).
namespace Rewriter.Images.Compression;

/// <summary>Unpacks what a bzImage carries.</summary>
public static class CompressedPayload
{
    /// <summary>No kernel for a 32-bit machine unpacks to more; what claims to is an attack on our memory.</summary>
    public const int MaximumSize = 256 << 20;

    /// <summary>Whether a file as a whole is packed, by gzip or xz: the forms that kernel modules are installed in and that can be told from
    /// anything else.</summary>
    public static bool IsPacked(ReadOnlySpan<byte> file) =>
        file.StartsWith((ReadOnlySpan<byte>)[0x1F, 0x8B, 8]) || file.StartsWith((ReadOnlySpan<byte>)[0xFD, (byte)'7', (byte)'z', (byte)'X', (byte)'Z', 0]);

    /// <summary>Unpacks by magic number.</summary>
    /// <param name="packed">The payload; the kernel's build appends the unpacked size as a little-endian dword for all but gzip.</param>
    /// <exception cref="BadImageException">Damaged, too large, or a compression that is not supported, which the message names.</exception>
    public static byte[] Unpack(ByteView packed)
    {
        ReadOnlySpan<byte> bytes = packed.Bytes.Span;
        if (bytes.StartsWith((ReadOnlySpan<byte>)[0x1F, 0x8B]))
        {
            return GzipDecoder.Decode(packed, MaximumSize);
        }

        if (bytes.StartsWith((ReadOnlySpan<byte>)[0xFD, (byte)'7', (byte)'z', (byte)'X', (byte)'Z', 0]))
        {
            return XzDecoder.Decode(packed, MaximumSize);
        }

        if (bytes.StartsWith((ReadOnlySpan<byte>)[0x5D, 0, 0]))
        {
            return LzmaAloneDecoder.Decode(packed, MaximumSize);
        }

        if (bytes.StartsWith((ReadOnlySpan<byte>)[0x02, 0x21, 0x4C, 0x18]))
        {
            return Lz4LegacyDecoder.Decode(packed, MaximumSize);
        }

        if (bytes.StartsWith("\x7F"u8) && bytes.Length > 4 && bytes[1] == 'E')
        {
            return bytes.ToArray();
        }

        throw new BadImageException($"compression {NameOf(bytes)} of the kernel payload is not supported (gzip, xz, lzma and lz4 are)",
            packed.Origin);
    }

    static string NameOf(ReadOnlySpan<byte> bytes) => bytes switch
    {
        [0x28, 0xB5, 0x2F, 0xFD, ..] => "zstd",
        [(byte)'B', (byte)'Z', (byte)'h', ..] => "bzip2",
        [0x89, (byte)'L', (byte)'Z', (byte)'O', ..] => "lzo",
        _ => "with unknown magic " + Convert.ToHexString(bytes[..Math.Min(4, bytes.Length)]),
    };
}
