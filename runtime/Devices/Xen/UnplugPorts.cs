namespace Runtime.Devices.Xen;

/// <summary>The ports by which drivers that know Xen make the emulated devices go that they replace (Xen, docs/misc/hvm-emulated-unplug.pandoc).
/// Four ports at 10h.</summary>
/// <param name="unplugDisks">Takes the IDE drives away.</param>
/// <param name="unplugNetwork">Takes the emulated network interfaces away.</param>
public sealed class UnplugPorts(Action unplugDisks, Action unplugNetwork) : IPortDevice
{
    private const int Control = 0, Protocol = 2;
    private const ushort Magic = 0x49D2, ProtocolVersion = 1;
    private const uint AllDisks = 1, AllNetwork = 2;

    public int WidestAccess(int offset) => offset switch { Control => 4, Protocol => 2, _ => 1 };

    public uint Read(int offset, int size) => offset switch
    {
        Control => Magic,
        Protocol => ProtocolVersion,
        _ => uint.MaxValue >> 32 - 8 * size,
    };

    public void Write(int offset, int size, uint value)
    {
        // Four bytes here are a driver's build number, two there its product number, single ones a log message: none is blacklisted or kept.
        if (offset != Control || size != 2)
        {
            return;
        }

        if ((value & AllDisks) != 0)
        {
            unplugDisks();
        }

        if ((value & AllNetwork) != 0)
        {
            unplugNetwork();
        }
    }
}
