// The block at the end of a rewritten file: the deflated manifest, then a footer that says where it begins.
using System.Buffers.Binary;
using System.IO.Compression;
using System.Text.Json;
using Rewriter.Images;
using Rewriter.Images.Compression;

namespace Rewriter.Rewritten;

/// <summary>
/// Packs and finds the manifest. The footer is the last 32 bytes of the file:
/// <code>
///   0  magic      "MONITOR\x1A"
///   8  offset     u64  file offset of the deflated manifest
///  16  length     u64  its length
///  24  crc        u32  CRC-32 of the deflated bytes
///  28  version    u32  of this footer: 1
/// </code>
/// </summary>
static class ManifestBlock
{
    public const int FooterSize = 32;
    const int LargestManifest = 64 << 20;
    const uint FooterVersion = 1;

    static ReadOnlySpan<byte> Magic => "MONITOR\x1A"u8;

    public static byte[] Pack(Manifest manifest)
    {
        var packed = new MemoryStream();
        using (var deflate = new DeflateStream(packed, CompressionLevel.Optimal, leaveOpen: true))
        {
            JsonSerializer.Serialize(deflate, manifest, ManifestJson.Default.Manifest);
        }

        return packed.ToArray();
    }

    /// <param name="offset">File offset of the packed manifest.</param>
    public static byte[] Footer(ReadOnlySpan<byte> packed, long offset)
    {
        var footer = new byte[FooterSize];
        Magic.CopyTo(footer);
        BinaryPrimitives.WriteInt64LittleEndian(footer.AsSpan(8), offset);
        BinaryPrimitives.WriteInt64LittleEndian(footer.AsSpan(16), packed.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(footer.AsSpan(24), Crc32.Of(packed));
        BinaryPrimitives.WriteUInt32LittleEndian(footer.AsSpan(28), FooterVersion);
        return footer;
    }

    /// <summary>Whether a file ends in a footer; nothing of it has been checked then.</summary>
    public static bool HasFooter(ReadOnlySpan<byte> file) => file.Length >= FooterSize && file[^FooterSize..].StartsWith(Magic);

    /// <summary>Unpacks the manifest of a file that has a footer.</summary>
    /// <exception cref="BadImageException">Damaged.</exception>
    public static Manifest Unpack(ByteView file)
    {
        long footer = file.Length - FooterSize;
        if (file.U32(footer + 28, "manifest footer") != FooterVersion)
        {
            throw new BadImageException($"manifest footer of version {file.U32(footer + 28, "")} is not supported", footer + 28);
        }

        ulong offset = file.U64(footer + 8, "manifest footer");
        ulong length = file.U64(footer + 16, "manifest footer");
        if (offset > (ulong)footer || length > (ulong)footer - offset)
        {
            throw new BadImageException("manifest lies outside the file", footer + 8);
        }

        ByteView packed = file.Slice((long)offset, (long)length, "manifest");
        if (Crc32.Of(packed.Bytes.Span) != file.U32(footer + 24, "manifest footer"))
        {
            throw new BadImageException("manifest fails its CRC", (long)offset);
        }

        using var deflate = new DeflateStream(new MemoryStream(packed.Bytes.ToArray(), false), CompressionMode.Decompress);
        byte[] json = BoundedStream.ReadAll(deflate, LargestManifest, "manifest", (long)offset);
        try
        {
            return JsonSerializer.Deserialize(json, ManifestJson.Default.Manifest)
                ?? throw new BadImageException("manifest is empty", (long)offset);
        }
        catch (JsonException error)
        {
            throw new BadImageException($"manifest is not valid JSON at {error.Path ?? "its start"}", (long)offset);
        }
    }
}
