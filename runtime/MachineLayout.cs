// Every port, interrupt and address of the machine, once. Devices do not know where they are; PcPlatform puts them here.
namespace Runtime;

/// <summary>The PC that a guest finds: the ISA devices of QEMU's <c>pc</c> machine, and its PCI bus, without ACPI tables.</summary>
public static class MachineLayout
{
    // Interrupts: inputs of the cascaded 8259As.
    public const int TimerIrq = 0;
    public const int KeyboardIrq = 1;
    public const int CascadeIrq = 2;
    public const int SerialIrq = 4;
    public const int RtcIrq = 8;
    public const int MouseIrq = 12;
    public const int PrimaryIdeIrq = 14;
    public const int SecondaryIdeIrq = 15;

    // I/O ports, in their order.
    public const ushort Dma8 = 0x000;                // 16 ports: 8237A, 8-bit channels 0-3
    public const ushort XenUnplug = 0x010;           // 4 ports: Xen's unplug protocol
    public const ushort MasterPic = 0x020;           // 2 ports
    public const ushort InterruptMode = 0x022;       // 2 ports: index, data
    public const ushort Pit = 0x040;                 // 4 ports
    public const ushort KeyboardData = 0x060;
    public const ushort SystemControlB = 0x061;      // speaker gate, refresh toggle, OUT2
    public const ushort KeyboardCommand = 0x064;
    public const ushort Cmos = 0x070;                // 2 ports: index, data
    public const ushort Post = 0x080;
    public const ushort DmaPages = 0x081;            // 15 ports without 92h
    public const ushort SystemControlA = 0x092;      // fast A20, fast reset
    public const ushort SlavePic = 0x0A0;            // 2 ports
    public const ushort Dma16 = 0x0C0;               // 32 ports: 8237A, 16-bit channels 4-7, every second port
    public const ushort DebugExit = 0x0F4;           // 4 ports, as isa-debug-exit with iosize 4
    public const ushort SecondaryIde = 0x170;        // 8 ports
    public const ushort PrimaryIde = 0x1F0;          // 8 ports
    public const ushort SecondaryIdeControl = 0x376;
    public const ushort VgaStatus = 0x3DA;
    public const ushort VgaCrtc = 0x3D4;             // 2 ports: index, data
    public const ushort PrimaryIdeControl = 0x3F6;
    public const ushort Serial = 0x3F8;              // 8 ports: COM1
    public const ushort MasterPicElcr = 0x4D0;
    public const ushort SlavePicElcr = 0x4D1;
    public const ushort FirmwareConfiguration = 0x510; // 2 ports: selector, data
    public const ushort PowerOff = 0x604;            // 2 ports: PM1a control as QEMU places it
    public const ushort PciConfig = 0xCF8;           // 8 ports: address, data, and CF9h reset control
    public const ushort BochsPowerOff = 0xB004;      // 2 ports
    public const ushort PciPorts = 0xC000;           // from here on what PCI devices ask for, until the guest moves it

    // Vector bases that a PC BIOS leaves in the 8259As.
    public const byte BiosMasterVectors = 0x08;
    public const byte BiosSlaveVectors = 0x70;

    // PCI slots; interrupt inputs of PIRQA# to PIRQD#, level-triggered (SeaBIOS's choice).
    public const int HostBridgeSlot = 0;
    public const int Piix3Slot = 1;
    public const int NetworkSlot = 3;
    public const int XenPlatformSlot = 6;
    public static ReadOnlySpan<byte> PirqIrqs => [10, 10, 11, 11];

    /// <summary>The zero page of a Linux kernel, in conventional memory.</summary>
    public const uint LinuxZeroPage = 0x1_0000;

    /// <summary>The start information of a PVH kernel: low, where a kernel's first page tables reach.</summary>
    public const uint PvhStartInfo = 0x1_0000;

    // Guest-physical addresses. RAM is one block from 0; the hole of a real PC between 640 KiB and 1 MiB is RAM too, but no map offers it.
    public const uint BiosDataArea = 0x0400;
    public const uint MultibootMemoryMap = 0x9000;   // where QEMU puts them
    public const uint MultibootInfo = 0x9500;
    public const uint ExtendedBiosDataArea = 0x9_FC00;
    public const uint VideoMemory = 0xA_0000;
    public const uint BiosRom = 0xF_0000;
    public const uint MultiprocessorTable = BiosRom;
    public const uint ExtendedMemory = 0x10_0000;

    /// <summary>Device memory from here on, until the guest moves it; below the I/O APIC's FEC00000.</summary>
    public const uint PciMemory = 0xF000_0000;

    public const uint IoApic = 0xFEC0_0000;

    /// <summary>Bytes at the top of RAM that QEMU's BIOS keeps for itself; kept back here too, so that guests count the same memory.</summary>
    public const uint FirmwareReserve = 0x2_0000;

    // Xen's special pages, counted down from the end of RAM, in the firmware's reserve: no memory map offers them.
    public const uint XenConsoleFrame = 1, XenStoreFrame = 2, XenSharedInfoFrame = 3;

    /// <summary>Device memory behind RAM in which a guest of Xen has its grant table appear.</summary>
    public const uint XenPlatformMemory = 0x4_0000;

    /// <summary>The most RAM there can be: above it a PC has its I/O APIC, local APIC and the monitor window.</summary>
    public const ulong MaximumMemory = 3UL << 30;

    public const ulong MinimumMemory = 2UL << 20;
}
