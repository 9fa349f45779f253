namespace Runtime.Devices;

/// <summary>The bytes that extend 8237A addresses: fifteen latches at 81h-8Fh.</summary>
public sealed class DmaPageRegisters : IPortDevice
{
    private readonly byte[] _pages = new byte[15];

    public uint Read(int offset, int size) => _pages[offset];

    public void Write(int offset, int size, uint value) => _pages[offset] = (byte)value;
}
