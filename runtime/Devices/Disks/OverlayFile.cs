// Copy-on-write: a disk that is read from its base until it is written, and from the overlay's file after that.
//
// A bit is on the host's disk only after the cluster that it stands for: synchronized are first the data, then the bits. So a crash at any
// moment leaves, of each cluster, what the guest wrote or what was there before. A flush that has returned is kept whatever happens; what
// was written to new clusters since then goes when the runtime is killed, as it would from a drive's write cache.
using System.Diagnostics;
using System.Runtime.InteropServices;
using Runtime.Memory;

namespace Runtime.Devices.Disks;

/// <summary>The changes to a disk, in a file of their own (<see cref="OverlayHeader"/>).</summary>
internal sealed class OverlayFile : IDiskContents
{
    private readonly IDiskContents _base;
    private readonly IDiskContents _file;
    private readonly OverlayHeader _header;
    private readonly ClusterBitmap _held;
    private readonly Lock _transfers = new();
    private readonly Lock _synchronization = new();
    private readonly List<IoVector> _part = [];
    private readonly byte[] _cluster = new byte[OverlayHeader.ClusterSize];

    /// <param name="original">The base. Both files are this one's to dispose from now on, unless it throws.</param>
    /// <exception cref="OverlayFormatException">The file is no overlay of that base.</exception>
    public OverlayFile(IDiskContents original, IDiskContents file)
    {
        (_base, _file) = (original, file);
        Span<byte> page = stackalloc byte[OverlayHeader.PageSize];
        file.Read(0, page);
        _header = OverlayHeader.Read(page, file.Length, original.Length);
        var bits = new byte[_header.BitmapLength];
        file.Read(_header.BitmapOffset, bits);
        _held = new ClusterBitmap(bits, _header.ClusterCount);
    }

    public long Length => _base.Length;

    /// <summary>Forgetting would bring the base's old contents back.</summary>
    public bool CanDiscard => false;

    /// <summary>Clusters that differ from the base, or have been written at least.</summary>
    public long HeldClusters
    {
        get
        {
            using Lock.Scope held = _transfers.EnterScope();
            return _held.Count;
        }
    }

    /// <summary>Opens the overlay of a base, or makes it.</summary>
    /// <exception cref="IOException">The host cannot do so, or another program holds it.</exception>
    /// <exception cref="OverlayFormatException">The file is no overlay of that base.</exception>
    public static OverlayFile Open(IDiskContents original, string path)
    {
        if (!File.Exists(path))
        {
            Create(OverlayHeader.For(original.Length), path);
        }

        RawFile file = RawFile.Open(path, FileAccess.ReadWrite, FileShare.None);
        try
        {
            return new OverlayFile(original, file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    public void Transfer(bool write, long offset, Span<IoVector> vectors)
    {
        using Lock.Scope held = _transfers.EnterScope();
        if (write)
        {
            Write(offset, vectors);
        }
        else
        {
            Read(offset, vectors);
        }
    }

    /// <summary>Of reads, what the base has is asked of it together.</summary>
    public void TransferAll(IReadOnlyList<DiskTransfer> transfers, Action<DiskTransfer> done)
    {
        if (transfers.Any(transfer => transfer.Write))
        {
            DiskTransfer.PerformEach(this, transfers, done);
            return;
        }

        using Lock.Scope held = _transfers.EnterScope();
        var parts = new List<BasePart>();
        foreach (DiskTransfer transfer in transfers)
        {
            ReadOwn(transfer, parts);
        }

        _base.TransferAll(parts, part =>
        {
            DiskTransfer whole = ((BasePart)part).Whole;
            whole.Error ??= part.Error;
        });
        foreach (DiskTransfer transfer in transfers)
        {
            done(transfer);
        }
    }

    public void Synchronize()
    {
        // One at a time: the second returns when the first one's bits are down, not when they are taken.
        using Lock.Scope one = _synchronization.EnterScope();
        List<(int Page, byte[] Bits)> changes;
        using (_transfers.EnterScope())
        {
            changes = _held.TakeChanges();
        }

        try
        {
            _file.Synchronize();
            foreach ((int page, byte[] bits) in changes)
            {
                _file.Write(_header.BitmapOffset + (long)page * OverlayHeader.PageSize, bits);
            }

            if (changes.Count > 0)
            {
                _file.Synchronize();
            }
        }
        catch (IOException)
        {
            using (_transfers.EnterScope())
            {
                _held.PutBack(changes);
            }

            throw;
        }
    }

    public void Discard(long offset, long length)
    {
    }

    /// <summary>A runtime that ends in order keeps what was written last, too.</summary>
    public long ThreadNanoseconds => _file.ThreadNanoseconds;

    public void Dispose()
    {
        try
        {
            Synchronize();
        }
        catch (IOException)
        {
            // The guest has been told nothing of these writes that would not hold: it had not flushed them.
        }

        _file.Dispose();
        _base.Dispose();
    }

    private static void Create(OverlayHeader header, string path)
    {
        // Whole or not at all: a runtime that is killed here leaves no overlay behind that the next one would have to refuse.
        string unfinished = $"{path}.{Environment.ProcessId}.new";
        try
        {
            using (var stream = new FileStream(unfinished, FileMode.CreateNew, FileAccess.Write, FileShare.None))
            {
                stream.SetLength(header.FileLength);
                Span<byte> page = stackalloc byte[OverlayHeader.PageSize];
                header.Write(page);
                stream.Write(page);
                stream.Flush(flushToDisk: true);
            }

            File.Move(unfinished, path, overwrite: false);
        }
        finally
        {
            File.Delete(unfinished);
        }
    }

    private void Read(long offset, Span<IoVector> vectors)
    {
        for (long end = offset + IoVector.Sum(vectors); offset < end;)
        {
            (bool isOwn, long length) = Part(offset, end);
            IoVector.CopyFirst(vectors, length, _part);
            Span<IoVector> part = CollectionsMarshal.AsSpan(_part);
            if (isOwn)
            {
                _file.Transfer(write: false, _header.DataOffset + offset, part);
            }
            else
            {
                _base.Transfer(write: false, offset, part);
            }

            vectors = IoVector.Skip(vectors, length);
            offset += length;
        }
    }

    /// <summary>Where a run of bytes lies, as far as it lies in one file.</summary>
    private (bool IsOwn, long Length) Part(long offset, long end)
    {
        long cluster = offset / OverlayHeader.ClusterSize, lastCluster = (end + OverlayHeader.ClusterSize - 1) / OverlayHeader.ClusterSize;
        long runEnd = Math.Min(end, (cluster + _held.RunLength(cluster, lastCluster)) * OverlayHeader.ClusterSize);
        return (_held[cluster], runEnd - offset);
    }

    /// <summary>Reads what the overlay has, and lists what the base has.</summary>
    private void ReadOwn(DiskTransfer transfer, List<BasePart> rest)
    {
        transfer.Began = Stopwatch.GetTimestamp();
        Span<IoVector> vectors = transfer.Vectors;
        for (long offset = transfer.Offset, end = offset + transfer.Length; offset < end && transfer.Error is null;)
        {
            (bool isOwn, long length) = Part(offset, end);
            IoVector.CopyFirst(vectors, length, _part);
            if (isOwn)
            {
                TryReadFile(transfer, _header.DataOffset + offset);
            }
            else
            {
                rest.Add(new BasePart(transfer, offset, _part));
            }

            vectors = IoVector.Skip(vectors, length);
            offset += length;
        }
    }

    private void TryReadFile(DiskTransfer transfer, long at)
    {
        try
        {
            _file.Transfer(write: false, at, CollectionsMarshal.AsSpan(_part));
        }
        catch (IOException exception)
        {
            transfer.Error = exception;
        }
    }

    private void Write(long offset, Span<IoVector> vectors)
    {
        long end = offset + IoVector.Sum(vectors);
        long first = offset / OverlayHeader.ClusterSize, behind = (end + OverlayHeader.ClusterSize - 1) / OverlayHeader.ClusterSize;
        if (offset % OverlayHeader.ClusterSize != 0)
        {
            BringOver(first);
        }

        if (end % OverlayHeader.ClusterSize != 0)
        {
            BringOver(behind - 1);
        }

        _file.Transfer(write: true, _header.DataOffset + offset, vectors);
        for (long cluster = first; cluster < behind; cluster++)
        {
            _held.Set(cluster);
        }
    }

    /// <summary>Copies a cluster from the base that is about to be written in part.</summary>
    private void BringOver(long cluster)
    {
        if (!_held[cluster])
        {
            _base.Read(cluster * OverlayHeader.ClusterSize, _cluster);
            _file.Write(_header.DataOffset + cluster * OverlayHeader.ClusterSize, _cluster);
            _held.Set(cluster);
        }
    }

    /// <summary>A part of a read that the base has.</summary>
    private sealed class BasePart : DiskTransfer
    {
        public BasePart(DiskTransfer whole, long offset, List<IoVector> vectors)
        {
            Whole = whole;
            Reset(write: false, offset);
            vectors.ForEach(Add);
        }

        public DiskTransfer Whole { get; }
    }
}
