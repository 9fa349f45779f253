// How an overlay file is laid out (docs/devices.md). All of it is untrusted: checked here once, before anything is believed.
using System.Buffers.Binary;

namespace Runtime.Devices.Disks;

/// <summary>Page 0 of an overlay: "x86cow1\n", then the length of the base in bytes (64 bits, little-endian), then zeros. A bit for each cluster follows,
/// then the clusters, each at its place on the disk: what was never written is a hole.</summary>
internal readonly record struct OverlayHeader(long BaseLength)
{
    public const int ClusterSize = 4096, PageSize = 4096;

    /// <summary>8 TiB: the bits of more would not be held in memory.</summary>
    private const long LongestBase = 1L << 43;

    private static ReadOnlySpan<byte> Magic => "x86cow1\n"u8;

    public long ClusterCount => (BaseLength + ClusterSize - 1) / ClusterSize;

    /// <summary>Bytes of the bitmap, in whole pages.</summary>
    public long BitmapLength => (ClusterCount + 8 * PageSize - 1) / (8 * PageSize) * PageSize;

    public long BitmapOffset => PageSize;

    /// <summary>Where byte 0 of the disk would be.</summary>
    public long DataOffset => BitmapOffset + BitmapLength;

    public long FileLength => DataOffset + ClusterCount * ClusterSize;

    /// <exception cref="OverlayFormatException">The base is too long.</exception>
    public static OverlayHeader For(long baseLength)
        => baseLength <= LongestBase ? new OverlayHeader(baseLength) : throw new OverlayFormatException("the disk is too long for an overlay (8 TiB)");

    public void Write(Span<byte> page)
    {
        page.Clear();
        Magic.CopyTo(page);
        BinaryPrimitives.WriteInt64LittleEndian(page[Magic.Length..], BaseLength);
    }

    /// <param name="fileLength">Of the overlay.</param>
    /// <exception cref="OverlayFormatException">It is no overlay of a disk of that length.</exception>
    public static OverlayHeader Read(ReadOnlySpan<byte> page, long fileLength, long baseLength)
    {
        if (!page.StartsWith(Magic))
        {
            throw new OverlayFormatException("it is no overlay: the file does not begin with x86cow1");
        }

        long said = BinaryPrimitives.ReadInt64LittleEndian(page[Magic.Length..]);
        if (said != baseLength)
        {
            throw new OverlayFormatException($"it is the overlay of a disk of {said} bytes, this one has {baseLength}");
        }

        if (page[(Magic.Length + sizeof(long))..].ContainsAnyExcept((byte)0))
        {
            throw new OverlayFormatException("damaged: its header goes on where it should be empty");
        }

        OverlayHeader header = For(baseLength);
        return fileLength == header.FileLength ? header
            : throw new OverlayFormatException($"damaged: it has {fileLength} bytes instead of {header.FileLength}");
    }
}
