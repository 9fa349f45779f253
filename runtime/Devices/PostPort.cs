namespace Runtime.Devices;

/// <summary>Port 80h: shows power-on self-test codes; kernels write to it to wait a microsecond. It belongs to the DMA page registers and can
/// be read back.</summary>
public sealed class PostPort : IPortDevice
{
    private byte _code;

    public uint Read(int offset, int size) => _code;

    public void Write(int offset, int size, uint value) => _code = (byte)value;
}
