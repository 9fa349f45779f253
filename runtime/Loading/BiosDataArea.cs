using Runtime.Memory;

namespace Runtime.Loading;

/// <summary>The few words of the BIOS data area that protected-mode kernels read.</summary>
internal static class BiosDataArea
{
    private const uint Com1Base = 0x00, ExtendedBiosDataSegment = 0x0E, BaseKilobytes = 0x13, VideoMode = 0x49, Columns = 0x4A, CrtcPort = 0x63;
    private const uint Length = 0x100;

    /// <summary>Leaves it out where a kernel is loaded over it.</summary>
    public static void Write(GuestMemory memory, BootPlan plan)
    {
        if (plan.Ranges.Any(range => range.Address < MachineLayout.BiosDataArea + Length && range.End > MachineLayout.BiosDataArea))
        {
            return;
        }

        Word(Com1Base, MachineLayout.Serial);
        Word(ExtendedBiosDataSegment, (ushort)(MachineLayout.ExtendedBiosDataArea >> 4));
        Word(BaseKilobytes, (ushort)(MachineLayout.ExtendedBiosDataArea >> 10));
        memory.Write8(MachineLayout.BiosDataArea + VideoMode, 3);
        Word(Columns, 80);
        Word(CrtcPort, MachineLayout.VgaCrtc);

        void Word(uint offset, ushort value) => memory.Write16(MachineLayout.BiosDataArea + offset, value);
    }
}
