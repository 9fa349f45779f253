// Where IN and OUT end: 65,536 ports, each with at most one device. Ports without a device float: reads give ones.
namespace Runtime.Devices;

/// <summary>The I/O port space of one machine.</summary>
public sealed class PortBus(IDeviceTrace trace)
{
    private const int PortCount = 0x10000;
    private readonly List<Range> _ranges = [new Range(new OpenBus(trace), 0, PortCount)];
    private readonly byte[] _rangeOfPort = new byte[PortCount];

    /// <summary>Puts a device at <paramref name="firstPort"/> and the <paramref name="count"/> - 1 ports after it.</summary>
    /// <exception cref="InvalidOperationException">A port is taken: the machine's layout contradicts itself.</exception>
    public void Attach(IPortDevice device, ushort firstPort, int count)
    {
        for (int port = firstPort; port < firstPort + count; port++)
        {
            if (_rangeOfPort[port] != 0)
            {
                throw new InvalidOperationException($"port 0x{port:x} is taken by {_ranges[_rangeOfPort[port]].Device.GetType().Name}");
            }

            _rangeOfPort[port] = checked((byte)_ranges.Count);
        }

        _ranges.Add(new Range(device, firstPort, count));
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

    private sealed record Range(IPortDevice Device, int First, int Count);
}
