using System.Diagnostics;
using Microsoft.Win32.SafeHandles;
using Runtime.Accounts;

namespace Runtime.Devices;

/// <summary>A raw disk image: the file's bytes are the disk's. A last sector that the file holds in part reads as if filled with zeros.</summary>
public sealed partial class DiskImage : IDisposable
{
    public const int SectorSize = 512;

    /// <summary>Half of what Linux takes (IOV_MAX).</summary>
    private const int PiecesPerCall = 512;

    private readonly SafeFileHandle _file;
    private readonly long _length;

    private DiskImage(SafeFileHandle file, bool isReadOnly)
    {
        _file = file;
        IsReadOnly = isReadOnly;
        _length = RandomAccess.GetLength(file);
        SectorCount = (_length + SectorSize - 1) / SectorSize;
    }

    public long SectorCount { get; }

    /// <summary>Whose requests these are.</summary>
    public DiskAccount? Account { get; set; }

    /// <summary>The user may not write the file: writes fail at the guest.</summary>
    public bool IsReadOnly { get; }

    /// <summary>Opens for reading and writing, or for reading where nothing else is permitted.</summary>
    /// <exception cref="IOException">The file is missing, is none, or another program holds it.</exception>
    /// <exception cref="UnauthorizedAccessException">The user may not read it.</exception>
    public static DiskImage Open(string path)
    {
        try
        {
            return new DiskImage(File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.Read), isReadOnly: false);
        }
        catch (Exception exception) when (exception is UnauthorizedAccessException || IsReadOnlyFileSystem(exception))
        {
            return OpenReadOnly(path);
        }
    }

    /// <inheritdoc cref="Open"/>
    public static DiskImage OpenReadOnly(string path) => new(File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read), isReadOnly: true);

    /// <param name="destination">A whole number of sectors, all on the disk.</param>
    /// <exception cref="IOException">The host cannot read it.</exception>
    public void Read(long sector, Span<byte> destination)
    {
        long began = Stopwatch.GetTimestamp();
        ReadAt(sector * SectorSize, destination);
        Account?.AddRead(destination.Length, began);
    }

    /// <summary>The same in one call to the host for many pieces (preadv).</summary>
    /// <param name="pieces">Together a whole number of sectors, all on the disk.</param>
    /// <exception cref="IOException">The host cannot read it.</exception>
    public void Read(long sector, List<Memory<byte>> pieces)
    {
        long offset = sector * SectorSize, began = Stopwatch.GetTimestamp();
        for (int first = 0; first < pieces.Count; first += PiecesPerCall)
        {
            List<Memory<byte>> batch = pieces.GetRange(first, Math.Min(PiecesPerCall, pieces.Count - first));
            long read = RandomAccess.Read(_file, batch, offset);
            foreach (Memory<byte> piece in batch)
            {
                // What the host did not read at once, and what lies behind the end of the file, comes piece by piece.
                int have = (int)Math.Min(read, piece.Length);
                ReadAt(offset + have, piece.Span[have..]);
                read -= have;
                offset += piece.Length;
            }
        }

        Account?.AddRead(offset - (sector * SectorSize), began);
    }

    /// <summary>As <see cref="Write(long, ReadOnlySpan{byte})"/>, in one call to the host for many pieces (pwritev).</summary>
    /// <exception cref="IOException">The host cannot write it.</exception>
    public void Write(long sector, List<Memory<byte>> pieces)
    {
        long offset = sector * SectorSize, began = Stopwatch.GetTimestamp();
        for (int next = 0; next < pieces.Count; next += PiecesPerCall)
        {
            int count = Math.Min(PiecesPerCall, pieces.Count - next);
            ReadOnlyMemory<byte>[] batch = [.. pieces.GetRange(next, count)];
            RandomAccess.Write(_file, batch, offset);
            offset += batch.Sum(piece => (long)piece.Length);
        }

        Account?.AddWrite(offset - (sector * SectorSize), began);
    }

    /// <exception cref="IOException">The host cannot write it.</exception>
    public void Write(long sector, ReadOnlySpan<byte> source)
    {
        long began = Stopwatch.GetTimestamp();
        RandomAccess.Write(_file, source, sector * SectorSize);
        Account?.AddWrite(source.Length, began);
    }

    /// <summary>Returns when everything written is on the host's disk (fsync).</summary>
    /// <exception cref="IOException">The host cannot do so.</exception>
    public void Flush()
    {
        if (!IsReadOnly)
        {
            long began = Stopwatch.GetTimestamp();
            RandomAccess.FlushToDisk(_file);
            Account?.AddFlush(began);
        }
    }

    public void Dispose() => _file.Dispose();

    private void ReadAt(long offset, Span<byte> destination)
    {
        while (destination.Length > 0)
        {
            int read = RandomAccess.Read(_file, destination, offset);
            if (read == 0)
            {
                destination.Clear();
                return;
            }

            offset += read;
            destination = destination[read..];
        }
    }

    /// <summary>EROFS.</summary>
    private static bool IsReadOnlyFileSystem(Exception exception) => exception is IOException && (exception.HResult & 0xFFFF) == 30;
}
