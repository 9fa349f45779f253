using System.Diagnostics;
using System.Runtime.InteropServices;
using Runtime.Memory;

namespace Runtime.Devices.Disks;

/// <summary>One of several transfers that are asked for together, to be done in any order (<see cref="IDiskContents.TransferAll"/>).</summary>
internal class DiskTransfer
{
    public bool Write;

    /// <summary>Bytes.</summary>
    public long Offset;

    private readonly List<IoVector> _vectors = [];

    /// <summary>Why the host could not do it; null when it is done.</summary>
    public IOException? Error;

    /// <summary>A <see cref="Stopwatch"/> time stamp of when the host was asked.</summary>
    public long Began;

    /// <summary>Bytes.</summary>
    public long Length { get; private set; }

    /// <summary>The memory, which the transfer may change the list of.</summary>
    public Span<IoVector> Vectors => CollectionsMarshal.AsSpan(_vectors);

    public void Reset(bool write, long offset)
    {
        (Write, Offset, Length, Error, Began) = (write, offset, 0, null, 0);
        _vectors.Clear();
    }

    /// <param name="vector">Memory that stays where it is until the transfer is done.</param>
    public void Add(IoVector vector)
    {
        _vectors.Add(vector);
        Length += vector.Length;
    }

    /// <summary>Does it by itself. What the host refuses is noted.</summary>
    public void PerformOn(IDiskContents contents)
    {
        Began = Stopwatch.GetTimestamp();
        try
        {
            contents.Transfer(Write, Offset, Vectors);
        }
        catch (IOException exception)
        {
            Error = exception;
        }
    }

    /// <summary>One after the other.</summary>
    public static void PerformEach(IDiskContents contents, IReadOnlyList<DiskTransfer> transfers, Action<DiskTransfer> done)
    {
        foreach (DiskTransfer transfer in transfers)
        {
            transfer.PerformOn(contents);
            done(transfer);
        }
    }
}
