namespace Runtime.Devices.Pci;

/// <summary>82371SB function 1: the IDE controller. Its channels are at the ISA ports and inputs; only the bus masters are ranges.</summary>
internal static class Piix3Ide
{
    private const int BusMasterRange = 4, Timing = 0x40;

    /// <summary>IDETIM bit 15: the channel is decoded, as a BIOS leaves it; Linux looks.</summary>
    private const ushort DecodeEnable = 0x8000;

    public static PciFunction Function(IPortDevice primary, IPortDevice secondary)
    {
        var function = new PciFunction(new PciIdentity(0x8086, 0x7010, 0x01_0180), new PciBar(BusMasterRange, 16, false, new Pair(primary, secondary)));
        function.Set16(PciFunction.Status, 0x0280);
        function.Set16(Timing, DecodeEnable);
        function.Set16(Timing + 2, DecodeEnable);
        function.Permit(Timing, uint.MaxValue, 4);
        return function;
    }

    /// <summary>Two bus masters of eight ports.</summary>
    private sealed class Pair(IPortDevice primary, IPortDevice secondary) : IPortDevice
    {
        public int WidestAccess(int offset) => Of(offset).WidestAccess(offset & 7);

        public uint Read(int offset, int size) => Of(offset).Read(offset & 7, size);

        public void Write(int offset, int size, uint value) => Of(offset).Write(offset & 7, size, value);

        private IPortDevice Of(int offset) => offset < 8 ? primary : secondary;
    }
}
