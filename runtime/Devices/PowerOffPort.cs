namespace Runtime.Devices;

/// <summary>The ports by which test kernels power an emulator off without reading ACPI tables: 604h (QEMU, PM1a control of the PIIX4 at its
/// usual place) and B004h (Bochs and old QEMU).</summary>
/// <param name="name">For the line that the user reads.</param>
public sealed class PowerOffPort(string name, IPowerControl power) : IPortDevice
{
    /// <summary>ACPI 4.8.3.2.1, PM1 control: SLP_EN with sleep type 0, which is S5 there.</summary>
    private const uint SleepEnable = 0x2000;

    public int WidestAccess(int offset) => 4;

    public uint Read(int offset, int size) => 0;

    public void Write(int offset, int size, uint value)
    {
        if ((value & SleepEnable) != 0)
        {
            power.PowerOff(name);
        }
    }
}
