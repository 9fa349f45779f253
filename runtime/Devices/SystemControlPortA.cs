namespace Runtime.Devices;

/// <summary>Port 92h: fast A20 (bit 1) and fast reset (bit 0), from the PS/2.</summary>
public sealed class SystemControlPortA(A20Gate a20, IPowerControl power) : IPortDevice
{
    public uint Read(int offset, int size) => a20.IsOpen ? 2u : 0u;

    public void Write(int offset, int size, uint value)
    {
        a20.IsOpen = (value & 2) != 0;
        if ((value & 1) != 0)
        {
            power.Reset("port 0x92");
        }
    }
}
