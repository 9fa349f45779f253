using Runtime.Devices.Disks;
using Runtime.Memory;

namespace Tests.Devices.Disks;

/// <summary>A file on a disk with a write cache: when the power goes, any of the 512-byte pieces written since the last synchronization is on
/// the disk or is not.</summary>
internal sealed unsafe class VolatileFile(byte[] durable) : IDiskContents
{
    private const int Piece = 512;
    private byte[] _durable = durable;
    private readonly byte[] _seen = [.. durable];

    public long Length => _seen.Length;

    public bool CanDiscard => false;

    /// <summary>Writes and synchronizations that are still done; what comes after fails.</summary>
    public int Left { get; set; } = int.MaxValue;

    public void Transfer(bool write, long offset, Span<IoVector> vectors)
    {
        if (write)
        {
            Spend();
        }

        foreach (IoVector vector in vectors)
        {
            // SAFETY: whoever calls keeps the memory there.
            var memory = new Span<byte>((void*)vector.Address, (int)vector.Length);
            int there = (int)Math.Clamp(_seen.Length - offset, 0, memory.Length);
            if (write)
            {
                memory.CopyTo(_seen.AsSpan((int)offset));
            }
            else
            {
                memory.Clear();
                _seen.AsSpan((int)offset, there).CopyTo(memory);
            }

            offset += vector.Length;
        }
    }

    public void Synchronize()
    {
        Spend();
        _durable = [.. _seen];
    }

    public void Discard(long offset, long length)
    {
    }

    public void Dispose()
    {
    }

    /// <summary>What is found when the power is back.</summary>
    public byte[] AfterPowerFailure(Random random)
    {
        byte[] found = [.. _durable];
        for (int at = 0; at < found.Length; at += Piece)
        {
            if (random.Next(2) == 0)
            {
                _seen.AsSpan(at, Piece).CopyTo(found.AsSpan(at));
            }
        }

        return found;
    }

    private void Spend()
    {
        if (--Left < 0)
        {
            throw new IOException("the power is off");
        }
    }
}
