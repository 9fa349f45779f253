using System.Buffers.Binary;

namespace Runtime.Devices;

/// <summary>The CMOS cells that a BIOS fills with the size of memory, by which kernels without a boot loader's map find it.</summary>
internal static class CmosMemorySize
{
    private const int Equipment = 0x14, BaseKilobytes = 0x15, ExtendedKilobytes = 0x17, ExtendedKilobytesAgain = 0x30, Above16Megabytes = 0x34;
    private const ulong Kilobyte = 1024, Megabyte = 1024 * Kilobyte;

    public static void Write(Span<byte> cells, ulong memory)
    {
        ulong extended = memory > Megabyte ? (memory - Megabyte) / Kilobyte : 0;
        ulong above16 = memory > 16 * Megabyte ? (memory - 16 * Megabyte) / (64 * Kilobyte) : 0;
        cells[Equipment] = 0x06; // a numeric coprocessor and a pointing device
        BinaryPrimitives.WriteUInt16LittleEndian(cells[BaseKilobytes..], (ushort)Math.Min(memory / Kilobyte, 640));
        BinaryPrimitives.WriteUInt16LittleEndian(cells[ExtendedKilobytes..], (ushort)Math.Min(extended, ushort.MaxValue));
        BinaryPrimitives.WriteUInt16LittleEndian(cells[ExtendedKilobytesAgain..], (ushort)Math.Min(extended, ushort.MaxValue));
        BinaryPrimitives.WriteUInt16LittleEndian(cells[Above16Megabytes..], (ushort)Math.Min(above16, ushort.MaxValue));
    }
}
