using System.Diagnostics;
using Microsoft.Win32.SafeHandles;
using Runtime.Accounts;

namespace Runtime.Devices;

/// <summary>A raw disk image: the file's bytes are the disk's. A last sector that the file holds in part reads as if filled with zeros.</summary>
public sealed class DiskImage : IDisposable
{
    public const int SectorSize = 512;
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
        long offset = sector * SectorSize, began = Stopwatch.GetTimestamp();
        Account?.AddRead(destination.Length);
        while (destination.Length > 0)
        {
            int read = RandomAccess.Read(_file, destination, offset);
            if (read == 0)
            {
                destination.Clear();
                break;
            }

            offset += read;
            destination = destination[read..];
        }

        Account?.AddService(began);
    }

    /// <exception cref="IOException">The host cannot write it.</exception>
    public void Write(long sector, ReadOnlySpan<byte> source)
    {
        long began = Stopwatch.GetTimestamp();
        Account?.AddWrite(source.Length);
        RandomAccess.Write(_file, source, sector * SectorSize);
        Account?.AddService(began);
    }

    /// <summary>Returns when everything written is on the host's disk (fsync).</summary>
    /// <exception cref="IOException">The host cannot do so.</exception>
    public void Flush()
    {
        if (!IsReadOnly)
        {
            Account?.AddFlush();
            RandomAccess.FlushToDisk(_file);
        }
    }

    public void Dispose() => _file.Dispose();

    /// <summary>EROFS.</summary>
    private static bool IsReadOnlyFileSystem(Exception exception) => exception is IOException && (exception.HResult & 0xFFFF) == 30;
}
