using Runtime.Abi.Xen;

namespace Runtime.Devices.Block;

/// <summary>A run of bytes in a granted page of the guest.</summary>
/// <param name="Reference">The grant, pinned while the job is under way.</param>
internal readonly record struct BlockPiece(uint Reference, uint Frame, int Offset, int Length);

/// <summary>One validated request of a front end. Reused: a ring has as many as it has slots.</summary>
internal sealed class BlockJob
{
    public ulong Id;

    /// <summary>What is to be done, which the response names: for an indirect request, what it stands for (Linux 6.1 insists on that).</summary>
    public BlockOperation Action;

    /// <summary>First sector on the disk, of 512 bytes.</summary>
    public long Sector;

    /// <summary>Sectors to transfer, or to discard.</summary>
    public long SectorCount;

    /// <summary>The pages, in the order of the sectors.</summary>
    public readonly List<BlockPiece> Pieces = [];

    public BlockStatus Status;

    /// <summary>A <see cref="System.Diagnostics.Stopwatch"/> time stamp of when the back end heard that there are requests.</summary>
    public long AskedAt;

    /// <summary>Whether the guest's pages are written by it.</summary>
    public bool WritesMemory => Action == BlockOperation.Read;

    public long End => Sector + SectorCount;

    public void Reset(ulong id, BlockOperation operation)
    {
        (Id, Action, Status) = (id, operation, BlockStatus.Okay);
        (Sector, SectorCount) = (0, 0);
        Pieces.Clear();
    }
}
