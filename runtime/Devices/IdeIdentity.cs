using System.Buffers.Binary;

namespace Runtime.Devices;

/// <summary>What commands have set in a drive.</summary>
/// <param name="Multiple">Sectors set by SET MULTIPLE MODE, 0 for none.</param>
/// <param name="MultiwordMode">DMA mode, or <see cref="IdeIdentity.NoMode"/>; likewise <paramref name="UltraMode"/>.</param>
internal readonly record struct IdeSettings(int Multiple, bool WriteCache, byte MultiwordMode, byte UltraMode);

/// <summary>The 256 words that IDENTIFY DEVICE returns (ATA/ATAPI-6, table 27). Names are those of QEMU's disk, so that the output of guests that
/// print them can be compared.</summary>
internal static class IdeIdentity
{
    public const int MaximumMultiple = 16;
    public const int HighestMultiwordMode = 2, HighestUltraMode = 5;

    /// <summary>Stands for a kind of transfer that is not the one selected.</summary>
    public const byte NoMode = 0xFF;

    private const long MaximumLba28 = 0x0FFF_FFFF;

    /// <param name="number">Counts the machine's disks from 1.</param>
    /// <param name="current">The geometry set by INITIALIZE DEVICE PARAMETERS.</param>
    public static void Write(Span<byte> destination, int number, long sectors, IdeGeometry current, IdeSettings settings)
    {
        destination.Clear();
        IdeGeometry native = IdeGeometry.ForSize(sectors);
        long currentCapacity = (long)current.Cylinders * current.Heads * current.SectorsPerTrack;
        long lba28 = Math.Min(sectors, MaximumLba28);

        Word(destination, 0, 0x0040); // fixed drive
        Word(destination, 1, native.Cylinders);
        Word(destination, 3, native.Heads);
        Word(destination, 4, DiskImage.SectorSize * native.SectorsPerTrack);
        Word(destination, 5, DiskImage.SectorSize);
        Word(destination, 6, native.SectorsPerTrack);
        Text(destination, 10, 10, $"QM{number:d5}");
        Word(destination, 20, 3);
        Word(destination, 21, 512);
        Word(destination, 22, 4);
        Text(destination, 23, 4, "2.5+");
        Text(destination, 27, 20, "QEMU HARDDISK");
        Word(destination, 47, 0x8000 | MaximumMultiple);
        Word(destination, 48, 1); // 32-bit data port
        Word(destination, 49, 1 << 11 | 1 << 9 | 1 << 8); // IORDY, LBA, DMA
        Word(destination, 51, 0x200);
        Word(destination, 53, 1 | 2 | 4); // words 54-58, 64-70 and 88 are valid
        Word(destination, 54, current.Cylinders);
        Word(destination, 55, current.Heads);
        Word(destination, 56, current.SectorsPerTrack);
        DoubleWord(destination, 57, (uint)Math.Min(currentCapacity, uint.MaxValue));
        Word(destination, 59, settings.Multiple == 0 ? 0 : 0x100 | settings.Multiple);
        DoubleWord(destination, 60, (uint)lba28);
        Word(destination, 63, Modes(HighestMultiwordMode, settings.MultiwordMode));
        Word(destination, 64, 3); // PIO modes 3 and 4
        Word(destination, 65, 120);
        Word(destination, 66, 120);
        Word(destination, 67, 120);
        Word(destination, 68, 120);
        Word(destination, 80, 0x00F0); // ATA-4 to ATA-7
        Word(destination, 81, 0x0016);
        Word(destination, 82, 1 << 14 | 1 << 5); // NOP, write cache
        Word(destination, 83, 1 << 14 | 1 << 13 | 1 << 12 | 1 << 10); // FLUSH CACHE (EXT), 48-bit addresses
        Word(destination, 84, 1 << 14);
        Word(destination, 85, 1 << 14 | (settings.WriteCache ? 1 << 5 : 0));
        Word(destination, 86, 1 << 13 | 1 << 12 | 1 << 10);
        Word(destination, 87, 1 << 14);
        Word(destination, 88, Modes(HighestUltraMode, settings.UltraMode));
        Word(destination, 93, 1 | 1 << 14 | 1 << 13);
        BinaryPrimitives.WriteInt64LittleEndian(destination[200..], sectors);
    }

    /// <summary>Low byte: modes there are; high byte: the one selected.</summary>
    private static int Modes(int highest, byte selected) => (2 << highest) - 1 | (selected == NoMode ? 0 : 0x100 << selected);

    private static void Word(Span<byte> words, int index, int value) => BinaryPrimitives.WriteUInt16LittleEndian(words[(2 * index)..], (ushort)value);

    private static void DoubleWord(Span<byte> words, int index, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(words[(2 * index)..], value);

    /// <summary>ATA strings are padded with spaces and have the bytes of each word swapped.</summary>
    private static void Text(Span<byte> words, int index, int count, string text)
    {
        for (int i = 0; i < 2 * count; i++)
        {
            words[2 * index + (i ^ 1)] = (byte)(i < text.Length ? text[i] : ' ');
        }
    }
}
