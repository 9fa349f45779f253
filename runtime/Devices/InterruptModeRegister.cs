namespace Runtime.Devices;

/// <summary>IMCR, behind an index port and a data port: whether the 8259As' output goes through the local APIC (MultiProcessor Specification 1.4, 3.6.2.1).</summary>
internal sealed class InterruptModeRegister(LocalApic apic) : IPortDevice
{
    private const byte Index = 0x70;

    private byte _selected;

    public uint Read(int offset, int size) => offset == 1 && _selected == Index ? Convert.ToUInt32(apic.IsInPath) : 0xFF;

    public void Write(int offset, int size, uint value)
    {
        if (offset == 0)
        {
            _selected = (byte)value;
        }
        else if (_selected == Index)
        {
            apic.IsInPath = (value & 1) != 0;
        }
    }
}
