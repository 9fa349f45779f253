using Runtime.Memory;

namespace Runtime.Loading;

/// <summary>The real-mode interrupt vectors as a BIOS leaves them, each to a place in its ROM that only returns.</summary>
internal static class InterruptVectors
{
    private const int Count = 256, NonMaskable = 2;
    private const ushort Segment = (ushort)(MachineLayout.BiosRom >> 4);
    private const byte Iret = 0xCF;

    // Where the IBM PC's BIOS has them and those that are compatible with it. Fudge is a kernel that executes the vectors by mistake and
    // lives because the low byte of one is that of RET.
    private const ushort NonMaskableHandler = 0xE2C3, DummyHandler = 0xFF53;

    /// <summary>Leaves them out where a kernel is loaded over them or their handlers.</summary>
    public static void Write(GuestMemory memory, BootPlan plan)
    {
        if (Overlaps(0, Count * 4) || Overlaps(MachineLayout.BiosRom, 0x1_0000) || memory.Length < MachineLayout.ExtendedMemory)
        {
            return;
        }

        for (uint vector = 0; vector < Count; vector++)
        {
            memory.Write16(vector * 4, vector == NonMaskable ? NonMaskableHandler : DummyHandler);
            memory.Write16(vector * 4 + 2, Segment);
        }

        memory.Write8(MachineLayout.BiosRom + NonMaskableHandler, Iret);
        memory.Write8(MachineLayout.BiosRom + DummyHandler, Iret);

        bool Overlaps(uint start, uint length) => plan.Ranges.Any(range => range.Address < start + length && range.End > start);
    }
}
