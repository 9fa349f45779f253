// The task file of an IDE channel: what both drives latch when the host writes the command block.
namespace Runtime.Devices;

/// <summary>Bits of the status register (ATA/ATAPI-6, 7.15).</summary>
[Flags]
public enum IdeStatus : byte
{
    None = 0,
    Error = 1 << 0,
    DataRequest = 1 << 3,
    SeekComplete = 1 << 4,
    DeviceFault = 1 << 5,
    Ready = 1 << 6,
    Busy = 1 << 7,
    Idle = Ready | SeekComplete,
}

/// <summary>Bits of the error register (ATA/ATAPI-6, 7.11).</summary>
[Flags]
public enum IdeError : byte
{
    None = 0,
    Aborted = 1 << 2,
    Uncorrectable = 1 << 6,

    /// <summary>The code of a drive that passed its diagnostic.</summary>
    DiagnosticPassed = 1,
}

/// <summary>Features, sector count, LBA and device. The first four are two deep, for 48-bit commands.</summary>
internal sealed class IdeRegisters
{
    private const byte LbaMode = 0x40;

    public byte Features { get; set; }

    public IdeDoubleRegister SectorCount;
    public IdeDoubleRegister LbaLow;
    public IdeDoubleRegister LbaMid;
    public IdeDoubleRegister LbaHigh;

    public byte Device { get; set; }

    public bool UsesLba => (Device & LbaMode) != 0;

    public int SelectedDrive => Device >> 4 & 1;

    /// <summary>0 stands for the most that the register can say plus one.</summary>
    public int RequestedSectors(bool is48Bit)
    {
        int count = is48Bit ? SectorCount.Previous << 8 | SectorCount.Current : SectorCount.Current;
        return count != 0 ? count : is48Bit ? 65_536 : 256;
    }

    /// <summary>The address of the next sector, or -1 where a CHS address names none.</summary>
    public long Sector(bool is48Bit, IdeGeometry geometry)
    {
        if (is48Bit)
        {
            return (long)LbaHigh.Previous << 40 | (long)LbaMid.Previous << 32 | (long)LbaLow.Previous << 24
                | (long)LbaHigh.Current << 16 | (long)LbaMid.Current << 8 | LbaLow.Current;
        }

        int head = Device & 0xF;
        if (UsesLba)
        {
            return (long)head << 24 | (long)LbaHigh.Current << 16 | (long)LbaMid.Current << 8 | LbaLow.Current;
        }

        int cylinder = LbaHigh.Current << 8 | LbaMid.Current;
        bool exists = LbaLow.Current != 0 && LbaLow.Current <= geometry.SectorsPerTrack && head < geometry.Heads;
        return exists ? ((long)cylinder * geometry.Heads + head) * geometry.SectorsPerTrack + LbaLow.Current - 1 : -1;
    }

    public void SetSector(long sector, bool is48Bit, IdeGeometry geometry)
    {
        if (!is48Bit && !UsesLba)
        {
            long track = sector / geometry.SectorsPerTrack;
            long cylinder = track / geometry.Heads;
            LbaLow.Current = (byte)(sector % geometry.SectorsPerTrack + 1);
            LbaMid.Current = (byte)cylinder;
            LbaHigh.Current = (byte)(cylinder >> 8);
            Device = (byte)(Device & 0xF0 | (int)(track % geometry.Heads));
            return;
        }

        LbaLow.Current = (byte)sector;
        LbaMid.Current = (byte)(sector >> 8);
        LbaHigh.Current = (byte)(sector >> 16);
        if (is48Bit)
        {
            LbaLow.Previous = (byte)(sector >> 24);
            LbaMid.Previous = (byte)(sector >> 32);
            LbaHigh.Previous = (byte)(sector >> 40);
        }
        else
        {
            Device = (byte)(Device & 0xF0 | (int)(sector >> 24 & 0xF));
        }
    }

    /// <summary>What reset and diagnostics leave: the signature of a drive without the packet feature set (ATA/ATAPI-6, 9.12).</summary>
    public void SetSignature()
    {
        SectorCount.Current = 1;
        LbaLow.Current = 1;
        LbaMid.Current = 0;
        LbaHigh.Current = 0;
        Device = 0;
    }
}

/// <summary>A register that remembers the byte written before the last (ATA/ATAPI-6, 6.20).</summary>
internal struct IdeDoubleRegister
{
    public byte Current { get; set; }

    public byte Previous { get; set; }

    public void Push(byte value)
    {
        Previous = Current;
        Current = value;
    }
}

/// <summary>Logical CHS geometry.</summary>
/// <param name="Heads">1-16.</param>
/// <param name="SectorsPerTrack">1-255.</param>
internal readonly record struct IdeGeometry(int Cylinders, int Heads, int SectorsPerTrack)
{
    /// <summary>The geometry that a drive without one announces.</summary>
    public static IdeGeometry ForSize(long sectors) => new((int)Math.Clamp(sectors / (16 * 63), 2, 16_383), 16, 63);
}
