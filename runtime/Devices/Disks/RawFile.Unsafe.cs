// A file on the host, moved from and to memory in pieces with no buffer between: guest pages go straight to the host's system calls.
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Runtime.Memory;

namespace Runtime.Devices.Disks;

/// <summary>A file whose bytes are the disk's.</summary>
/// <param name="elevator">Where its readers meet those of other disks; null for a file that is written.</param>
internal sealed unsafe partial class RawFile(SafeFileHandle file, FileElevator? elevator) : IDiskContents
{
    /// <summary>What Linux takes in one call (IOV_MAX).</summary>
    private const int PiecesPerCall = 1024;

    private const int InterruptedCall = 4;
    private const int FallocateKeepSize = 1, FallocatePunchHole = 2;
    private const uint RangeWrite = 2; // SYNC_FILE_RANGE_WRITE

    /// <summary>Null where the host cannot be asked, or nothing is written.</summary>
    private readonly WriteBehind? _behind = OperatingSystem.IsLinux() && elevator is null
        ? new WriteBehind((first, length) => _ = StartWriting(file, first, length, RangeWrite))
        : null;

    public long Length { get; } = RandomAccess.GetLength(file);

    public bool CanDiscard => OperatingSystem.IsLinux();

    /// <exception cref="IOException">The file is missing, is none, or another program holds it.</exception>
    /// <exception cref="UnauthorizedAccessException">The user may not do that.</exception>
    public static RawFile Open(string path, FileAccess access, FileShare share = FileShare.Read)
    {
        SafeFileHandle file = File.OpenHandle(path, FileMode.Open, access, share);
        return new RawFile(file, access == FileAccess.Read && HostFileId.Of(file) is HostFileId id ? FileElevator.Enter(id) : null);
    }

    public void Transfer(bool write, long offset, Span<IoVector> vectors)
    {
        while (!vectors.IsEmpty)
        {
            long moved = Move(write, offset, vectors[..Math.Min(vectors.Length, PiecesPerCall)]);
            if (moved == 0)
            {
                ClearRest(write, vectors);
                return;
            }

            if (write)
            {
                _behind?.Wrote(offset, moved);
            }

            offset += moved;
            vectors = IoVector.Skip(vectors, moved);
        }
    }

    public void TransferAll(IReadOnlyList<DiskTransfer> transfers, Action<DiskTransfer> done)
    {
        if (elevator is { IsShared: true })
        {
            elevator.ReadAll(this, transfers, done);
        }
        else
        {
            DiskTransfer.PerformEach(this, transfers, done);
        }
    }

    public void Synchronize()
    {
        _behind?.Flushing();
        if (!OperatingSystem.IsLinux())
        {
            RandomAccess.FlushToDisk(file);
        }
        else if (SynchronizeData(file) != 0)
        {
            throw new IOException(Marshal.GetLastPInvokeErrorMessage());
        }
    }

    public long ThreadNanoseconds => _behind?.ThreadNanoseconds ?? 0;

    public void Discard(long offset, long length)
        => _ = OperatingSystem.IsLinux() ? Allocate(file, FallocateKeepSize | FallocatePunchHole, offset, length) : 0;

    public void Dispose()
    {
        if (!file.IsClosed)
        {
            elevator?.Leave();
            _behind?.Dispose();
        }

        file.Dispose();
    }

    /// <returns>Bytes moved, which may be fewer than were asked for; 0 behind the end.</returns>
    private long Move(bool write, long offset, Span<IoVector> vectors)
    {
        if (!OperatingSystem.IsLinux())
        {
            // SAFETY: the caller keeps the pieces mapped.
            var piece = new Span<byte>((void*)vectors[0].Address, (int)vectors[0].Length);
            if (!write)
            {
                return RandomAccess.Read(file, piece, offset);
            }

            RandomAccess.Write(file, piece, offset);
            return piece.Length;
        }

        while (true)
        {
            nint moved;
            fixed (IoVector* first = vectors)
            {
                // SAFETY: the caller keeps the pieces mapped; the kernel checks them and reports what it cannot reach.
                moved = write ? WriteVectors(file, first, vectors.Length, offset) : ReadVectors(file, first, vectors.Length, offset);
            }

            if (moved >= 0)
            {
                return moved;
            }

            if (Marshal.GetLastPInvokeError() != InterruptedCall)
            {
                throw new IOException(Marshal.GetLastPInvokeErrorMessage());
            }
        }
    }

    private static void ClearRest(bool write, Span<IoVector> vectors)
    {
        if (write)
        {
            throw new IOException("nothing could be written");
        }

        foreach (IoVector vector in vectors)
        {
            // SAFETY: as for the transfer itself.
            new Span<byte>((void*)vector.Address, (int)vector.Length).Clear();
        }
    }

    [LibraryImport("libc", EntryPoint = "preadv", SetLastError = true)]
    private static partial nint ReadVectors(SafeFileHandle file, IoVector* vectors, int count, long offset);

    [LibraryImport("libc", EntryPoint = "pwritev", SetLastError = true)]
    private static partial nint WriteVectors(SafeFileHandle file, IoVector* vectors, int count, long offset);

    [LibraryImport("libc", EntryPoint = "fdatasync", SetLastError = true)]
    private static partial int SynchronizeData(SafeFileHandle file);

    /// <summary>Starts what is to be written and does not wait for it; data alone, and no promise (sync_file_range(2)). Where a file system cannot, a flush
    /// has more to do.</summary>
    [LibraryImport("libc", EntryPoint = "sync_file_range")]
    private static partial int StartWriting(SafeFileHandle file, long offset, long length, uint flags);

    [LibraryImport("libc", EntryPoint = "fallocate", SetLastError = true)]
    private static partial int Allocate(SafeFileHandle file, int mode, long offset, long length);
}
