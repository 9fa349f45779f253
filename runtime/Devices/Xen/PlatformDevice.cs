using Runtime.Devices.Pci;

namespace Runtime.Devices.Xen;

/// <summary>The PCI function by which guests' drivers find Xen: 5853:0001, with ports that do nothing and memory in which Linux has its grant
/// table appear. That memory lies behind RAM and is accessed like RAM, so nothing ever answers for it.</summary>
internal static class PlatformDevice
{
    private const ushort Vendor = 0x5853, Device = 0x0001;
    private const uint ClassCode = 0xFF_8000;
    private const int MemoryBar = 1;

    /// <param name="memoryLength">Bytes, a power of two.</param>
    public static PciFunction Create(uint memoryLength)
    {
        var identity = new PciIdentity(Vendor, Device, ClassCode, Revision: 1, InterruptPin: 1) { SubsystemVendor = Vendor, SubsystemDevice = Device };
        return new PciFunction(identity, new PciBar(0, 0x100, IsMemory: false, new Silence()), new PciBar(MemoryBar, memoryLength, IsMemory: true, new Silence()));
    }

    /// <summary>Moves the memory from where the bus has put it.</summary>
    /// <param name="address">A multiple of the memory's length.</param>
    public static void PlaceMemory(PciFunction function, uint address)
        => function.WriteConfig(function.Bars[MemoryBar].Register, 4, address);

    private sealed class Silence : IPortDevice
    {
        public int WidestAccess(int offset) => 4;

        public uint Read(int offset, int size) => uint.MaxValue >> 32 - 8 * size;

        public void Write(int offset, int size, uint value)
        {
        }
    }
}
