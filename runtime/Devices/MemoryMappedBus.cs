// Where accesses above RAM end: a few ranges of device memory. Addresses without a device float: reads give ones.
using Runtime.Memory;

namespace Runtime.Devices;

/// <summary>Memory-mapped registers of one machine. They have the same shape as ports.</summary>
public sealed class MemoryMappedBus(IDeviceTrace trace) : IDeviceMemory
{
    private Range[] _ranges = [];
    private int _fixed;

    /// <summary>A device at an address; what another device already covers stays that one's.</summary>
    public void Attach(IPortDevice device, ulong address, uint size) => _ranges = [.. _ranges, new Range(device, address, size)];

    /// <summary>The same for a device of the board, which comes first.</summary>
    /// <param name="address">Null for nowhere, as yet.</param>
    public void AttachFixed(IPortDevice device, ulong? address, uint size)
    {
        _ranges = [new Range(device, address, size), .. _ranges];
        _fixed++;
    }

    /// <summary>Moves a device of the board.</summary>
    public void MoveFixed(IPortDevice device, ulong? address)
        => _ranges = [.. _ranges.Select(range => range.Device == device ? range with { Address = address } : range)];

    /// <summary>Takes all but the board's own devices away.</summary>
    public void Clear() => _ranges = _ranges[.._fixed];

    public uint Read(ulong address, int size)
    {
        if (Find(address) is not Range range)
        {
            trace.UnknownRead("memory", (int)address, size);
            return uint.MaxValue >> 32 - 8 * size;
        }

        int offset = (int)(address - range.Address!.Value);
        if (Takes(range, offset, size))
        {
            return range.Device.Read(offset, size);
        }

        uint value = 0;
        for (int i = 0; i < size; i++)
        {
            value |= (Read(address + (uint)i, 1) & 0xFF) << 8 * i;
        }

        return value;
    }

    public void Write(ulong address, int size, uint value)
    {
        if (Find(address) is not Range range)
        {
            trace.UnknownWrite("memory", (int)address, size, value);
            return;
        }

        int offset = (int)(address - range.Address!.Value);
        if (Takes(range, offset, size))
        {
            range.Device.Write(offset, size, value & uint.MaxValue >> 32 - 8 * size);
            return;
        }

        for (int i = 0; i < size; i++)
        {
            Write(address + (uint)i, 1, value >> 8 * i & 0xFF);
        }
    }

    private static bool Takes(Range range, int offset, int size)
        => size == 1 || (size <= range.Device.WidestAccess(offset) && (uint)size <= range.Size - (uint)offset);

    private Range? Find(ulong address)
    {
        foreach (Range range in _ranges)
        {
            if (range.Address is ulong start && address - start < range.Size)
            {
                return range;
            }
        }

        return null;
    }

    private sealed record Range(IPortDevice Device, ulong? Address, uint Size);
}
