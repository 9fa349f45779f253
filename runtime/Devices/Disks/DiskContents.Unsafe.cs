using Runtime.Memory;

namespace Runtime.Devices.Disks;

/// <summary>Transfers between a disk and a buffer of the monitor's own.</summary>
internal static unsafe class DiskContents
{
    /// <inheritdoc cref="IDiskContents.Transfer"/>
    public static void Read(this IDiskContents contents, long offset, Span<byte> destination)
    {
        fixed (byte* start = destination)
        {
            // SAFETY: pinned until the transfer has ended.
            contents.Transfer(write: false, offset, [new IoVector((nint)start, destination.Length)]);
        }
    }

    /// <inheritdoc cref="IDiskContents.Transfer"/>
    public static void Write(this IDiskContents contents, long offset, ReadOnlySpan<byte> source)
    {
        fixed (byte* start = source)
        {
            // SAFETY: pinned until the transfer has ended; it only reads them.
            contents.Transfer(write: true, offset, [new IoVector((nint)start, source.Length)]);
        }
    }
}
