using System.IO.Compression;
using System.Runtime.InteropServices;

namespace Rewriter.Images.Compression;

/// <summary>gzip (RFC 1952) through the framework, bounded.</summary>
public static class GzipDecoder
{
    public static byte[] Decode(ByteView packed, int maximumSize)
    {
        MemoryMarshal.TryGetArray(packed.Bytes, out ArraySegment<byte> segment);
        using var input = segment.Array is null
            ? new MemoryStream(packed.Bytes.ToArray(), false)
            : new MemoryStream(segment.Array, segment.Offset, segment.Count, false);
        using var gzip = new GZipStream(input, CompressionMode.Decompress);
        return BoundedStream.ReadAll(gzip, maximumSize, "gzip payload", packed.Origin);
    }
}
