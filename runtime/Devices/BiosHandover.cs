namespace Runtime.Devices;

/// <summary>Programs the chips as a PC BIOS leaves them when it starts a kernel. Kernels rely on it more often than they know.</summary>
internal static class BiosHandover
{
    /// <summary>All masked but timer, keyboard and cascade; on the slave the RTC, mouse and disks are open (SeaBIOS, 0xB8 and 0x8E).</summary>
    private const byte MasterMask = 0xB8, SlaveMask = 0x8E;

    public static void Apply(PortBus bus)
    {
        // Channel 0: mode 2, the longest count: 18.2 ticks a second.
        bus.Write(MachineLayout.Pit + 3, 1, 0x34);
        bus.Write(MachineLayout.Pit, 1, 0);
        bus.Write(MachineLayout.Pit, 1, 0);

        // After the timer, whose first edge the initialization forgets.
        StartPic(bus, MachineLayout.MasterPic, MachineLayout.BiosMasterVectors, icw3: 1 << MachineLayout.CascadeIrq, MasterMask);
        StartPic(bus, MachineLayout.SlavePic, MachineLayout.BiosSlaveVectors, icw3: MachineLayout.CascadeIrq, SlaveMask);

        // The inputs that PCI devices share are level-triggered.
        int levels = 0;
        foreach (byte irq in MachineLayout.PirqIrqs)
        {
            levels |= 1 << irq;
        }

        bus.Write(MachineLayout.MasterPicElcr, 1, (byte)levels);
        bus.Write(MachineLayout.SlavePicElcr, 1, (byte)(levels >> 8));
    }

    /// <summary>Virtual wire mode (MultiProcessor Specification 1.4, 3.6.2.2): the APIC on, the 8259As on LINT0, NMI on LINT1.</summary>
    public static void SetVirtualWire(LocalApic apic)
    {
        apic.IsInPath = true;
        apic.Write(LocalApic.Spurious, 4, 0x1FF);
        apic.Write(LocalApic.Lint0, 4, 0x8700);
        apic.Write(LocalApic.Lint1, 4, 0x8400);
    }

    private static void StartPic(PortBus bus, ushort port, byte vectors, byte icw3, byte mask)
    {
        bus.Write(port, 1, 0x11); // 8259A ICW1: edge-triggered, cascaded, ICW4 follows
        bus.Write((ushort)(port + 1), 1, vectors);
        bus.Write((ushort)(port + 1), 1, icw3);
        bus.Write((ushort)(port + 1), 1, 0x01); // ICW4: 8086 mode
        bus.Write((ushort)(port + 1), 1, mask);
    }
}
