// Which clusters of a disk its overlay holds. Bits are set in memory at once, and in the file only when what they stand for is on the disk.
using System.Numerics;

namespace Runtime.Devices.Disks;

/// <summary>A bit for each cluster. For one thread at a time.</summary>
internal sealed class ClusterBitmap
{
    private readonly byte[] _bits;
    private readonly SortedSet<int> _changedPages = [];

    /// <param name="bits">As they are in the file. Kept.</param>
    /// <exception cref="OverlayFormatException">A bit stands for nothing.</exception>
    public ClusterBitmap(byte[] bits, long clusterCount)
    {
        _bits = bits;
        long end = bits.LongLength * 8;
        for (long bit = clusterCount; bit < end; bit++)
        {
            if (this[bit])
            {
                throw new OverlayFormatException($"damaged: it claims cluster {bit} of {clusterCount}");
            }
        }
    }

    public bool this[long cluster] => (_bits[cluster >> 3] >> (int)(cluster & 7) & 1) != 0;

    /// <summary>Clusters that are held.</summary>
    public long Count => _bits.Sum(bits => (long)BitOperations.PopCount(bits));

    /// <summary>How many clusters from one on, up to another, are all held or all not.</summary>
    public long RunLength(long cluster, long end)
    {
        long last = cluster + 1;
        while (last < end && this[last] == this[cluster])
        {
            last++;
        }

        return last - cluster;
    }

    public void Set(long cluster)
    {
        if (!this[cluster])
        {
            _bits[cluster >> 3] |= (byte)(1 << (int)(cluster & 7));
            _changedPages.Add((int)((cluster >> 3) / OverlayHeader.PageSize));
        }
    }

    /// <summary>Copies of the pages that have changed since the last time.</summary>
    public List<(int Page, byte[] Bits)> TakeChanges()
    {
        List<(int, byte[])> changes = [.. _changedPages.Select(page => (page, _bits.AsSpan(page * OverlayHeader.PageSize, OverlayHeader.PageSize).ToArray()))];
        _changedPages.Clear();
        return changes;
    }

    /// <summary>Changes that could not be written count as changes again.</summary>
    public void PutBack(List<(int Page, byte[] Bits)> changes) => _changedPages.UnionWith(changes.Select(change => change.Page));
}
