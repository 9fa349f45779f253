using System.Buffers.Binary;
using System.Text;
using Runtime.Devices;
using Runtime.Devices.Pci;
using Runtime.Engines;
using Runtime.Memory;

namespace Runtime.Loading;

/// <summary>Tells kernels of the APICs (Intel MultiProcessor Specification 1.4, chapter 4): one processor, the 8259As on LINT0, NMI on LINT1.</summary>
internal static class MultiprocessorTable
{
    private const int PointerLength = 16, HeaderLength = 44;
    private const byte ProcessorEntry = 0, BusEntry = 1, IoApicEntry = 2, InterruptEntry = 3, LocalInterruptEntry = 4;
    private const byte UsableBootProcessor = 3, Vectored = 0, NonMaskable = 1, ExternalInterrupt = 3, ToAll = 0xFF;
    private const byte PciBusId = 0, IsaBusId = 1, IoApicId = 1;

    /// <summary>Polarity and trigger mode of an interrupt: as its bus has it, or active low and by level, as on PCI.</summary>
    private const byte AsBusHasIt = 0, LowLevel = 0x0F;

    private const byte HasModeRegister = 1 << 7;
    private const uint Signature = 0x6B1, Features = 0x201; // FPU, APIC

    /// <summary>Of a board with an I/O APIC, in virtual wire mode.</summary>
    /// <param name="pci">Where PCI devices interrupt; the other inputs are the ISA bus's.</param>
    public static void Write(GuestMemory memory, IEnumerable<PciInterruptRoute> pci)
    {
        PciInterruptRoute[] routes = [.. pci];
        byte[] ioApic = [IoApicEntry, IoApicId, IoApic.Version, 1, 0, 0, 0, 0];
        BinaryPrimitives.WriteUInt32LittleEndian(ioApic.AsSpan(4), MachineLayout.IoApic);
        List<byte[]> entries = [Bus(PciBusId, "PCI   "), Bus(IsaBusId, "ISA   "), ioApic];
        entries.AddRange(routes.Select(route => (byte[])
            [InterruptEntry, Vectored, LowLevel, 0, PciBusId, (byte)(route.Slot << 2 | (route.Pin - 1)), IoApicId, route.Irq]));
        for (byte irq = 0; irq < 16; irq++)
        {
            if (irq != MachineLayout.CascadeIrq && !Array.Exists(routes, route => route.Irq == irq))
            {
                byte input = irq == MachineLayout.TimerIrq ? (byte)IoApic.TimerInput : irq;
                entries.Add([InterruptEntry, Vectored, AsBusHasIt, 0, IsaBusId, irq, IoApicId, input]);
            }
        }

        Write(memory, 0, entries, IsaBusId);
    }

    /// <summary>Of a board with the local APIC alone, in PIC mode.</summary>
    public static void WriteWithoutIoApic(GuestMemory memory)
    {
        // Linux takes a table without one for broken. It says: the 8259As' output goes to all I/O APICs, of which there are none.
        byte[] toAll = [InterruptEntry, ExternalInterrupt, AsBusHasIt, 0, 0, 0, ToAll, 0];
        Write(memory, HasModeRegister, [Bus(0, "ISA   "), toAll], isaBus: 0);
    }

    private static byte[] Bus(byte id, string type) => [BusEntry, id, .. Encoding.ASCII.GetBytes(type)];

    /// <summary>Writes it to where kernels look for it: the BIOS ROM, which no memory map offers.</summary>
    private static void Write(GuestMemory memory, byte features, List<byte[]> entries, byte isaBus)
    {
        byte[] processor = new byte[20];
        (processor[0], processor[2], processor[3]) = (ProcessorEntry, unchecked((byte)LocalApic.Version), UsableBootProcessor);
        BinaryPrimitives.WriteUInt32LittleEndian(processor.AsSpan(4), Signature);
        BinaryPrimitives.WriteUInt32LittleEndian(processor.AsSpan(8), Features);
        byte[] external = [LocalInterruptEntry, ExternalInterrupt, AsBusHasIt, 0, isaBus, 0, 0, 0];
        byte[] nonMaskable = [LocalInterruptEntry, NonMaskable, AsBusHasIt, 0, isaBus, 0, ToAll, 1];
        byte[] table = [.. new byte[HeaderLength], .. processor, .. entries.SelectMany(entry => entry), .. external, .. nonMaskable];
        Encoding.ASCII.GetBytes("PCMP", table);
        BinaryPrimitives.WriteUInt16LittleEndian(table.AsSpan(4), (ushort)table.Length);
        table[6] = 4;
        Encoding.ASCII.GetBytes("REWRITERIA-32 PC    ", table.AsSpan(8));
        table[34] = (byte)(entries.Count + 3); // the processor and two local interrupts
        BinaryPrimitives.WriteUInt32LittleEndian(table.AsSpan(36), ApicBaseRegister.DefaultAddress);
        SetChecksum(table, 7);

        byte[] pointer = new byte[PointerLength];
        Encoding.ASCII.GetBytes("_MP_", pointer);
        BinaryPrimitives.WriteUInt32LittleEndian(pointer.AsSpan(4), MachineLayout.MultiprocessorTable + PointerLength);
        pointer[8] = 1; // length in paragraphs
        pointer[9] = 4; // version 1.4
        pointer[12] = features;
        SetChecksum(pointer, 10);
        pointer.CopyTo(memory.Slice(new GuestPhysicalAddress(MachineLayout.MultiprocessorTable), PointerLength));
        table.CopyTo(memory.Slice(new GuestPhysicalAddress(MachineLayout.MultiprocessorTable + PointerLength), table.Length));
    }

    /// <summary>All bytes together are 0.</summary>
    private static void SetChecksum(byte[] bytes, int at) => bytes[at] = (byte)-bytes.Sum(value => value);
}
