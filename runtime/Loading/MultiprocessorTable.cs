using System.Buffers.Binary;
using System.Text;
using Runtime.Devices;
using Runtime.Memory;

namespace Runtime.Loading;

/// <summary>Tells kernels of the local APIC (Intel MultiProcessor Specification 1.4, chapter 4): one processor, an ISA bus, the 8259As on LINT0, NMI on
/// LINT1, no I/O APIC.</summary>
internal static class MultiprocessorTable
{
    private const int PointerLength = 16, HeaderLength = 44;
    private const byte ProcessorEntry = 0, BusEntry = 1, InterruptEntry = 3, LocalInterruptEntry = 4;
    private const byte UsableBootProcessor = 3, NonMaskable = 1, ExternalInterrupt = 3;
    private const uint Signature = 0x6B1, Features = 0x201; // FPU, APIC

    /// <summary>Writes it to where kernels look for it: the BIOS ROM, which no memory map offers.</summary>
    public static void Write(GuestMemory memory)
    {
        byte[] table = Table();
        byte[] pointer = new byte[PointerLength];
        Encoding.ASCII.GetBytes("_MP_", pointer);
        BinaryPrimitives.WriteUInt32LittleEndian(pointer.AsSpan(4), MachineLayout.MultiprocessorTable + PointerLength);
        pointer[8] = 1; // length in paragraphs
        pointer[9] = 4; // version 1.4
        pointer[12] = 1 << 7; // IMCR is there: PIC mode
        SetChecksum(pointer, 10);
        pointer.CopyTo(memory.Slice(new GuestPhysicalAddress(MachineLayout.MultiprocessorTable), PointerLength));
        table.CopyTo(memory.Slice(new GuestPhysicalAddress(MachineLayout.MultiprocessorTable + PointerLength), table.Length));
    }

    private static byte[] Table()
    {
        byte[] processor = new byte[20];
        (processor[0], processor[2], processor[3]) = (ProcessorEntry, unchecked((byte)LocalApic.Version), UsableBootProcessor);
        BinaryPrimitives.WriteUInt32LittleEndian(processor.AsSpan(4), Signature);
        BinaryPrimitives.WriteUInt32LittleEndian(processor.AsSpan(8), Features);
        byte[] bus = [BusEntry, 0, .. "ISA   "u8];
        // Linux takes a table without one for broken. It says: the 8259As' output goes to all I/O APICs, of which there are none.
        byte[] toAll = [InterruptEntry, ExternalInterrupt, 0, 0, 0, 0, 0xFF, 0];
        byte[] external = [LocalInterruptEntry, ExternalInterrupt, 0, 0, 0, 0, 0, 0];
        byte[] nonMaskable = [LocalInterruptEntry, NonMaskable, 0, 0, 0, 0, 0xFF, 1];
        byte[] table = [.. new byte[HeaderLength], .. processor, .. bus, .. toAll, .. external, .. nonMaskable];
        Encoding.ASCII.GetBytes("PCMP", table);
        BinaryPrimitives.WriteUInt16LittleEndian(table.AsSpan(4), (ushort)table.Length);
        table[6] = 4;
        Encoding.ASCII.GetBytes("REWRITERIA-32 PC    ", table.AsSpan(8));
        table[34] = 5; // entries
        BinaryPrimitives.WriteUInt32LittleEndian(table.AsSpan(36), MachineLayout.LocalApic);
        SetChecksum(table, 7);
        return table;
    }

    /// <summary>All bytes together are 0.</summary>
    private static void SetChecksum(byte[] bytes, int at) => bytes[at] = (byte)-bytes.Sum(value => value);
}
