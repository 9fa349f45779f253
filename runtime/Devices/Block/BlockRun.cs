using Runtime.Devices.Disks;

namespace Runtime.Devices.Block;

/// <summary>Jobs that are one transfer: neighbours on the disk, or a single one.</summary>
internal sealed class BlockRun : DiskTransfer
{
    public readonly List<BlockJob> Jobs = [];

    public BlockJob First => Jobs[0];

    public long End => Jobs[^1].End;

    /// <summary>Pages of all jobs.</summary>
    public int Pieces { get; private set; }

    public void Clear()
    {
        Jobs.Clear();
        Pieces = 0;
    }

    public void Add(BlockJob job)
    {
        Jobs.Add(job);
        Pieces += job.Pieces.Count;
    }
}
