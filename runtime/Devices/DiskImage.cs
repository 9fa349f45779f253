using System.Diagnostics;
using Runtime.Accounts;
using Runtime.Devices.Disks;
using Runtime.Memory;

namespace Runtime.Devices;

/// <summary>A disk as devices see it: sectors. A last sector that the file holds in part reads as if filled with zeros.</summary>
public sealed class DiskImage : IDisposable
{
    public const int SectorSize = 512;

    private readonly IDiskContents _contents;

    internal DiskImage(IDiskContents contents, bool isReadOnly)
    {
        (_contents, IsReadOnly) = (contents, isReadOnly);
        SectorCount = (contents.Length + SectorSize - 1) / SectorSize;
    }

    public long SectorCount { get; }

    /// <summary>Whose requests these are.</summary>
    public DiskAccount? Account { get; set; }

    /// <summary>Writes fail at the guest: the user wants it so, or may not write the file.</summary>
    public bool IsReadOnly { get; }

    /// <summary>Processor time of threads that work for the disk, in nanoseconds. Any thread.</summary>
    public long ThreadNanoseconds => _contents.ThreadNanoseconds;

    /// <summary>Whether sectors can be forgotten.</summary>
    internal bool CanDiscard => !IsReadOnly && _contents.CanDiscard;

    /// <summary>Opens a raw file for reading and writing, or for reading where nothing else is permitted.</summary>
    /// <exception cref="IOException">The file is missing, is none, or another program holds it.</exception>
    /// <exception cref="UnauthorizedAccessException">The user may not read it.</exception>
    public static DiskImage Open(string path)
    {
        try
        {
            return new DiskImage(RawFile.Open(path, FileAccess.ReadWrite), isReadOnly: false);
        }
        catch (Exception exception) when (exception is UnauthorizedAccessException || IsReadOnlyFileSystem(exception))
        {
            return OpenReadOnly(path);
        }
    }

    /// <inheritdoc cref="Open"/>
    public static DiskImage OpenReadOnly(string path) => new(RawFile.Open(path, FileAccess.Read), isReadOnly: true);

    /// <summary>Opens a disk whose changes go to a file of their own, which is made if it is not there; the base is only read.</summary>
    /// <inheritdoc cref="Open"/>
    /// <exception cref="OverlayFormatException">The overlay is damaged, or is that of another disk.</exception>
    public static DiskImage OpenOverlay(string path, string overlay)
    {
        RawFile original = RawFile.Open(path, FileAccess.Read);
        try
        {
            return new DiskImage(OverlayFile.Open(original, overlay), isReadOnly: false);
        }
        catch
        {
            original.Dispose();
            throw;
        }
    }

    /// <param name="destination">A whole number of sectors, all on the disk.</param>
    /// <exception cref="IOException">The host cannot read it.</exception>
    public void Read(long sector, Span<byte> destination)
    {
        long began = Stopwatch.GetTimestamp();
        _contents.Read(sector * SectorSize, destination);
        Account?.AddRead(destination.Length, began);
    }

    /// <param name="source">A whole number of sectors, all on the disk.</param>
    /// <exception cref="IOException">The host cannot write it.</exception>
    public void Write(long sector, ReadOnlySpan<byte> source)
    {
        long began = Stopwatch.GetTimestamp();
        _contents.Write(sector * SectorSize, source);
        Account?.AddWrite(source.Length, began);
    }

    /// <summary>Reads or writes a run of sectors from or to pieces of memory, all of it.</summary>
    /// <param name="vectors">Memory that stays where it is meanwhile. Changed.</param>
    /// <exception cref="IOException">The host cannot do it.</exception>
    internal void Transfer(bool write, long sector, Span<IoVector> vectors)
    {
        long began = Stopwatch.GetTimestamp(), length = IoVector.Sum(vectors);
        _contents.Transfer(write, sector * SectorSize, vectors);
        if (write)
        {
            Account?.AddWrite(length, began);
        }
        else
        {
            Account?.AddRead(length, began);
        }
    }

    /// <inheritdoc cref="IDiskContents.TransferAll"/>
    internal void TransferAll(IReadOnlyList<DiskTransfer> transfers, Action<DiskTransfer> done) => _contents.TransferAll(transfers, transfer =>
    {
        if (transfer.Error is null && transfer.Write)
        {
            Account?.AddWrite(transfer.Length, transfer.Began);
        }
        else if (transfer.Error is null)
        {
            Account?.AddRead(transfer.Length, transfer.Began);
        }

        done(transfer);
    });

    /// <summary>Returns when everything written is on the host's disk.</summary>
    /// <exception cref="IOException">The host cannot do so: what was written may be lost.</exception>
    public void Flush()
    {
        if (!IsReadOnly)
        {
            long began = Stopwatch.GetTimestamp();
            _contents.Synchronize();
            Account?.AddFlush(began);
        }
    }

    /// <summary>Forgets sectors; they read as zeros afterwards where the host's file system can make holes, and as before elsewhere.</summary>
    internal void Discard(long sector, long count) => _contents.Discard(sector * SectorSize, count * SectorSize);

    public void Dispose() => _contents.Dispose();

    /// <summary>EROFS.</summary>
    private static bool IsReadOnlyFileSystem(Exception exception) => exception is IOException && (exception.HResult & 0xFFFF) == 30;
}
