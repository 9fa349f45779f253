namespace Runtime.Devices;

/// <summary>Ports that nothing answers at.</summary>
internal sealed class OpenBus(IDeviceTrace trace) : IPortDevice
{
    public int WidestAccess(int offset) => 4;

    public uint Read(int offset, int size)
    {
        trace.UnknownRead("open bus", offset, size);
        return uint.MaxValue >> 32 - 8 * size;
    }

    public void Write(int offset, int size, uint value) => trace.UnknownWrite("open bus", offset, size, value);
}
