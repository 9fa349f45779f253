// From a request in the ring to a job: copied once, then every field checked against the disk and the guest's grants. What is wrong with a
// request is answered with an error.
using System.Runtime.InteropServices;
using Runtime.Abi.Xen;
using Runtime.Events;
using Runtime.Memory;

namespace Runtime.Devices.Block;

/// <summary>Validates requests for one disk.</summary>
internal sealed class BlockIntake(DiskImage disk, GrantTable grants, GuestMemory ram)
{
    /// <summary>Segments of an indirect request that the front end is told it may use; 256 pages are 1 MiB.</summary>
    public const int MaximumIndirectSegments = 256;

    private readonly BlockSegment[] _segments = new BlockSegment[MaximumIndirectSegments];

    /// <summary>Makes a job of a request.</summary>
    /// <returns>False when it is refused; <see cref="BlockJob.Status"/> says how, and no page is pinned.</returns>
    public bool TryAccept(ReadOnlySpan<byte> request, BlockJob job)
    {
        BlockRequest head = MemoryMarshal.Read<BlockRequest>(request);
        job.Reset(head.Id, head.Operation);
        bool isAccepted = head.Operation switch
        {
            BlockOperation.Read or BlockOperation.Write or BlockOperation.WriteBarrier => TryTransfer(job, head),
            BlockOperation.Indirect => TryIndirect(job, MemoryMarshal.Read<IndirectBlockRequest>(request)),
            BlockOperation.FlushDiskCache => TryFlush(job, head),
            BlockOperation.Discard => TryDiscard(job, MemoryMarshal.Read<DiscardBlockRequest>(request)),
            _ => Refuse(job, BlockStatus.NotSupported),
        };
        if (!isAccepted)
        {
            Release(job);
        }

        return isAccepted;
    }

    /// <summary>Gives the pages of a job back to the guest.</summary>
    public void Release(BlockJob job)
    {
        foreach (BlockPiece piece in job.Pieces)
        {
            grants.Unpin(piece.Reference, job.WritesMemory);
        }

        job.Pieces.Clear();
    }

    private bool TryTransfer(BlockJob job, in BlockRequest request)
    {
        int count = request.SegmentCount;
        if (count > BlockRequest.MaximumSegments || (count == 0 && request.Operation != BlockOperation.WriteBarrier))
        {
            return Refuse(job, BlockStatus.Error);
        }

        ((ReadOnlySpan<BlockSegment>)request.Segments)[..count].CopyTo(_segments);
        return TryPlace(job, request.Sector, _segments.AsSpan(0, count));
    }

    private bool TryIndirect(BlockJob job, in IndirectBlockRequest request)
    {
        int count = request.SegmentCount;
        job.Action = request.IndirectOperation;
        if (count is 0 or > MaximumIndirectSegments || job.Action is not (BlockOperation.Read or BlockOperation.Write))
        {
            return Refuse(job, BlockStatus.Error);
        }

        // The lists are the guest's to change: copied before they are looked at.
        for (int done = 0; done < count; done += IndirectBlockRequest.SegmentsPerFrame)
        {
            uint reference = request.Frames[done / IndirectBlockRequest.SegmentsPerFrame];
            if (grants.TryPin(reference, write: false, out uint frame) != GrantStatus.Okay)
            {
                return Refuse(job, BlockStatus.Error);
            }

            int part = Math.Min(count - done, IndirectBlockRequest.SegmentsPerFrame);
            MemoryMarshal.Cast<byte, BlockSegment>(ram.FrameBytes(frame))[..part].CopyTo(_segments.AsSpan(done));
            grants.Unpin(reference, write: false);
        }

        return TryPlace(job, request.Sector, _segments.AsSpan(0, count));
    }

    private bool TryFlush(BlockJob job, in BlockRequest request) => request.SegmentCount == 0 || Refuse(job, BlockStatus.Error);

    private bool TryDiscard(BlockJob job, in DiscardBlockRequest request)
    {
        (job.Sector, job.SectorCount) = ((long)request.Sector, (long)request.SectorCount);
        return disk.CanDiscard && IsOnDisk(request.Sector, request.SectorCount) ? true : Refuse(job, BlockStatus.Error);
    }

    private bool TryPlace(BlockJob job, ulong sector, ReadOnlySpan<BlockSegment> segments)
    {
        long sectors = 0;
        foreach (ref readonly BlockSegment segment in segments)
        {
            if (segment.LastSector < segment.FirstSector || segment.LastSector >= BlockSegment.SectorsPerPage)
            {
                return Refuse(job, BlockStatus.Error);
            }

            sectors += segment.LastSector - segment.FirstSector + 1;
        }

        if (!IsOnDisk(sector, (ulong)sectors) || (disk.IsReadOnly && !job.WritesMemory))
        {
            return Refuse(job, BlockStatus.Error);
        }

        (job.Sector, job.SectorCount) = ((long)sector, sectors);
        foreach (ref readonly BlockSegment segment in segments)
        {
            if (grants.TryPin(segment.Reference, job.WritesMemory, out uint frame) != GrantStatus.Okay)
            {
                return Refuse(job, BlockStatus.Error);
            }

            int offset = segment.FirstSector * DiskImage.SectorSize, length = (segment.LastSector - segment.FirstSector + 1) * DiskImage.SectorSize;
            job.Pieces.Add(new BlockPiece(segment.Reference, frame, offset, length));
        }

        return true;
    }

    private bool IsOnDisk(ulong sector, ulong count) => sector <= (ulong)disk.SectorCount && count <= (ulong)disk.SectorCount - sector;

    private static bool Refuse(BlockJob job, BlockStatus status)
    {
        job.Status = status;
        return false;
    }
}
