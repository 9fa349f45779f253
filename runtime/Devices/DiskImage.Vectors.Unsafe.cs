// Transfers between a disk image and memory in pieces, with no buffer between: what ring back ends move guest pages by.
using System.Diagnostics;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Runtime.Memory;

namespace Runtime.Devices;

public sealed unsafe partial class DiskImage
{
    private const int InterruptedCall = 4;
    private const int FallocateKeepSize = 1, FallocatePunchHole = 2;

    /// <summary>Reads or writes a run of sectors from or to pieces of memory, all of it.</summary>
    /// <param name="vectors">Memory that stays where it is meanwhile; at most 1024 pieces. Changed.</param>
    /// <exception cref="IOException">The host cannot do it.</exception>
    internal void Transfer(bool write, long sector, Span<IoVector> vectors)
    {
        long began = Stopwatch.GetTimestamp(), offset = sector * SectorSize;
        TransferAll(write, ref offset, vectors);
        if (write)
        {
            Account?.AddWrite(offset - sector * SectorSize, began);
        }
        else
        {
            Account?.AddRead(offset - sector * SectorSize, began);
        }
    }

    private void TransferAll(bool write, ref long offset, Span<IoVector> vectors)
    {
        while (!vectors.IsEmpty)
        {
            nint moved;
            fixed (IoVector* first = vectors)
            {
                // SAFETY: the caller keeps the pieces mapped; the kernel checks them and reports what it cannot reach.
                moved = write ? WriteVectors(_file, first, vectors.Length, offset) : ReadVectors(_file, first, vectors.Length, offset);
            }

            if (moved < 0)
            {
                if (Marshal.GetLastPInvokeError() == InterruptedCall)
                {
                    continue;
                }

                throw new IOException(Marshal.GetLastPInvokeErrorMessage());
            }

            if (moved == 0)
            {
                ClearRest(write, vectors);
                return;
            }

            offset += moved;
            vectors = Advance(vectors, moved);
        }
    }

    /// <summary>Returns when everything written is on the host's disk (fdatasync).</summary>
    /// <exception cref="IOException">The host cannot do so: what was written may be lost.</exception>
    internal void FlushData()
    {
        long began = Stopwatch.GetTimestamp();
        if (!IsReadOnly && SynchronizeData(_file) != 0)
        {
            throw new IOException(Marshal.GetLastPInvokeErrorMessage());
        }

        Account?.AddFlush(began);
    }

    /// <summary>Forgets sectors; they read as zeros afterwards where the host's file system can make holes, and as before elsewhere.</summary>
    internal void Discard(long sector, long count) => _ = Allocate(_file, FallocateKeepSize | FallocatePunchHole, sector * SectorSize, count * SectorSize);

    /// <summary>Behind the end of the file there is only the rest of a last sector.</summary>
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

    private static Span<IoVector> Advance(Span<IoVector> vectors, nint moved)
    {
        while (!vectors.IsEmpty && moved >= vectors[0].Length)
        {
            moved -= vectors[0].Length;
            vectors = vectors[1..];
        }

        if (moved > 0)
        {
            vectors[0] = new IoVector(vectors[0].Address + moved, vectors[0].Length - moved);
        }

        return vectors;
    }

    [LibraryImport("libc", EntryPoint = "preadv", SetLastError = true)]
    private static partial nint ReadVectors(SafeFileHandle file, IoVector* vectors, int count, long offset);

    [LibraryImport("libc", EntryPoint = "pwritev", SetLastError = true)]
    private static partial nint WriteVectors(SafeFileHandle file, IoVector* vectors, int count, long offset);

    [LibraryImport("libc", EntryPoint = "fdatasync", SetLastError = true)]
    private static partial int SynchronizeData(SafeFileHandle file);

    [LibraryImport("libc", EntryPoint = "fallocate", SetLastError = true)]
    private static partial int Allocate(SafeFileHandle file, int mode, long offset, long length);
}
