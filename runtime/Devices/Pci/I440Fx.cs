namespace Runtime.Devices.Pci;

/// <summary>The chip set: an 82441FX host bridge in slot 0 and an 82371SB (PIIX3) ISA bridge in slot 1. Systems know the board by them.</summary>
internal static class I440Fx
{
    private const int RouteControl = 0x60, RouteCount = 4;

    /// <summary>82441FX: memory attribute and DRAM registers hold what is written; the RAM behind them is always open.</summary>
    public static PciFunction HostBridge()
    {
        var bridge = new PciFunction(new PciIdentity(0x8086, 0x1237, 0x06_0000, Revision: 2));
        bridge.Set16(PciFunction.Command, 0x0006);
        bridge.Set16(PciFunction.Status, 0x0280);
        bridge.Permit(0x59, uint.MaxValue, 4); // PAM0-3
        bridge.Permit(0x5D, 0xFF_FFFF, 3); // PAM4-6
        bridge.Permit(0x72, 0x7F, 1); // SMRAM
        return bridge;
    }

    /// <summary>82371SB function 0: the PIRQ route control registers are what it has to say.</summary>
    public static PciFunction IsaBridge(PirqRouter router)
    {
        var bridge = new PciFunction(new PciIdentity(0x8086, 0x7000, 0x06_0100) { IsMultiFunction = true });
        bridge.Set16(PciFunction.Command, 0x0007);
        bridge.Set16(PciFunction.Status, 0x0200);
        bridge.Permit(0x4C, 0xFFFF_FFFF, 4); // I/O recovery, X-bus chip select
        bridge.Permit(0x82, 0x02, 1); // passive release
        for (int wire = 0; wire < RouteCount; wire++)
        {
            bridge.Permit(RouteControl + wire, 0x8F, 1);
            bridge.Set8(RouteControl + wire, MachineLayout.PirqIrqs[wire]);
            router.Route(wire, MachineLayout.PirqIrqs[wire]);
        }

        bridge.Written += offset =>
        {
            if (offset is >= RouteControl and < RouteControl + RouteCount)
            {
                for (int wire = 0; wire < RouteCount; wire++)
                {
                    router.Route(wire, (byte)bridge.ReadConfig(RouteControl + wire, 1));
                }
            }
        };
        return bridge;
    }
}
