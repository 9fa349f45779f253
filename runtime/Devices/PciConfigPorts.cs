namespace Runtime.Devices;

/// <summary>PCI configuration mechanism 1 with no device behind it: the address register can be read back, the data register gives ones.
/// The byte at offset 1 (CF9h) is the reset control register of the chip set.</summary>
public sealed class PciConfigPorts(IPowerControl power) : IPortDevice
{
    private const int ResetControl = 1, Data = 4;
    private const uint ResetCpu = 4;
    private uint _address;

    /// <summary>Only a dword access at the start reaches the address register (PCI 2.2, 3.2.2.3.2).</summary>
    public int WidestAccess(int offset) => offset is 0 or Data ? 4 : 1;

    public uint Read(int offset, int size) => offset switch
    {
        0 when size == 4 => _address,
        ResetControl => 0,
        _ => uint.MaxValue >> 32 - 8 * size,
    };

    public void Write(int offset, int size, uint value)
    {
        if (offset == 0 && size == 4)
        {
            _address = value;
        }
        else if (offset == ResetControl && (value & ResetCpu) != 0)
        {
            power.Reset("port 0xcf9");
        }
    }
}
