// How a guest reaches PCI configuration space: an address register and a window of four bytes, and the chip set's reset control between.
namespace Runtime.Devices.Pci;

/// <summary>PCI configuration mechanism 1 (PCI 2.2, 3.2.2.3.2), eight ports. The byte at offset 1 (CF9h) is the reset control register of the
/// chip set (82371SB, RC).</summary>
public sealed class PciConfigPorts(PciBus bus, IPowerControl power) : IPortDevice
{
    private const int ResetControl = 1, Data = 4;
    private const uint ResetCpu = 4;
    private const uint Enable = 1u << 31;
    private uint _address;

    /// <summary>Only a dword access at the start reaches the address register.</summary>
    public int WidestAccess(int offset) => offset switch
    {
        0 or Data => 4,
        Data + 2 => 2,
        _ => 1,
    };

    public uint Read(int offset, int size) => offset switch
    {
        0 when size == 4 => _address,
        ResetControl => 0,
        >= Data when Selected is PciFunction function => function.ReadConfig(Register(offset), size),
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
        else if (offset >= Data)
        {
            Selected?.WriteConfig(Register(offset), size, value);
        }
    }

    /// <summary>Bits 23-16 bus, 15-11 slot, 10-8 function, 7-2 dword. There is one bus.</summary>
    private PciFunction? Selected
        => (_address & Enable) != 0 && (_address >> 16 & 0xFF) == 0 ? bus.Find((int)(_address >> 11 & 31), (int)(_address >> 8 & 7)) : null;

    private int Register(int offset) => (int)(_address & 0xFC) + offset - Data;
}
