namespace Runtime.Devices;

/// <summary>Port 80h: takes self-test codes, which nobody sees; kernels write to it to wait a microsecond. Reads give ones, as in QEMU.</summary>
public sealed class PostPort : IPortDevice
{
    public uint Read(int offset, int size) => 0xFF;

    public void Write(int offset, int size, uint value)
    {
    }
}
