// Where IN and OUT end: 65,536 ports, each with at most one device. Ports without a device float: reads give ones.
namespace Runtime.Devices;

/// <summary>The I/O port space of one machine.</summary>
public sealed class PortBus(IDeviceTrace trace)
{
    public const int PortCount = 0x10000;

    private readonly List<Range> _ranges = [new Range(new OpenBus(trace), 0, PortCount, IsMovable: false)];
    private readonly byte[] _rangeOfPort = new byte[PortCount];

    /// <summary>Puts a device at <paramref name="firstPort"/> and the <paramref name="count"/> - 1 ports after it.</summary>
    /// <exception cref="InvalidOperationException">A port is taken: the machine's layout contradicts itself.</exception>
    public void Attach(IPortDevice device, ushort firstPort, int count)
    {
        byte number = Add(new Range(device, firstPort, count, IsMovable: false));
        for (int port = firstPort; port < firstPort + count; port++)
        {
            Range there = _ranges[_rangeOfPort[port]];
            if (_rangeOfPort[port] != 0 && !there.IsMovable)
            {
                throw new InvalidOperationException($"port 0x{port:x} is taken by {there.Device.GetType().Name}");
            }

            _rangeOfPort[port] = number;
        }
    }

    /// <summary>Puts a device whose address the guest chooses at those of the ports that nobody has.</summary>
    public void AttachMovable(IPortDevice device, ushort firstPort, int count)
    {
        byte number = Add(new Range(device, firstPort, count, IsMovable: true));
        for (int port = firstPort; port < firstPort + count; port++)
        {
            _rangeOfPort[port] = _rangeOfPort[port] == 0 ? number : _rangeOfPort[port];
        }
    }

    /// <summary>Takes all of those off again.</summary>
    public void DetachMovable()
    {
        for (int number = 1; number < _ranges.Count; number++)
        {
            Range range = _ranges[number];
            if (!range.IsMovable)
            {
                continue;
            }

            for (int port = range.First; port < range.First + range.Count; port++)
            {
                _rangeOfPort[port] = _rangeOfPort[port] == number ? (byte)0 : _rangeOfPort[port];
            }

            _ranges[number] = range with { Count = 0 };
        }
    }

    /// <param name="size">1, 2 or 4 bytes.</param>
    public uint Read(ushort port, int size)
    {
        Range range = _ranges[_rangeOfPort[port]];
        int offset = port - range.First;
        if (size <= range.Device.WidestAccess(offset))
        {
            return range.Device.Read(offset, size);
        }

        uint value = 0;
        for (int i = 0; i < size; i++)
        {
            value |= (Read((ushort)(port + i), 1) & 0xFF) << 8 * i;
        }

        return value;
    }

    /// <param name="size">1, 2 or 4 bytes.</param>
    public void Write(ushort port, int size, uint value)
    {
        Range range = _ranges[_rangeOfPort[port]];
        int offset = port - range.First;
        if (size <= range.Device.WidestAccess(offset))
        {
            range.Device.Write(offset, size, value & uint.MaxValue >> 32 - 8 * size);
            return;
        }

        for (int i = 0; i < size; i++)
        {
            Write((ushort)(port + i), 1, value >> 8 * i & 0xFF);
        }
    }

    /// <summary>Takes a place that is free again before a new one.</summary>
    private byte Add(Range range)
    {
        int number = _ranges.FindIndex(other => other.Count == 0);
        if (number < 0)
        {
            number = _ranges.Count;
            _ranges.Add(range);
        }

        _ranges[number] = range;
        return checked((byte)number);
    }

    /// <param name="Count">Ports; 0 for a place in the table that is free.</param>
    private sealed record Range(IPortDevice Device, int First, int Count, bool IsMovable);
}
