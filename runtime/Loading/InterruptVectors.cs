using Runtime.Memory;

namespace Runtime.Loading;

/// <summary>The real-mode interrupt vectors as a BIOS leaves them: those of devices lead to places in its ROM that end the interrupt, the timer's counts
/// it too, the others only return.</summary>
internal static class InterruptVectors
{
    private const int Count = 256, NonMaskable = 2;
    private const ushort Segment = (ushort)(MachineLayout.BiosRom >> 4);
    private const int FirstMaster = MachineLayout.BiosMasterVectors, FirstSlave = MachineLayout.BiosSlaveVectors, Inputs = 8;

    // Where the IBM PC's BIOS has them and those that are compatible with it. Fudge is a kernel that executes the vectors by mistake and
    // lives because the low byte of one is that of RET.
    private const ushort NonMaskableHandler = 0xE2C3, TimerHandler = 0xFEA5, MasterHandler = 0xFF23, SlaveHandler = 0xFF30, DummyHandler = 0xFF53;

    // iret
    private static ReadOnlySpan<byte> Return => [0xCF];

    // push ax; mov al, 20h; out 20h, al; pop ax; iret
    private static ReadOnlySpan<byte> EndAtMaster => [0x50, 0xB0, 0x20, 0xE6, 0x20, 0x58, 0xCF];

    // push ax; mov al, 20h; out A0h, al; out 20h, al; pop ax; iret
    private static ReadOnlySpan<byte> EndAtSlave => [0x50, 0xB0, 0x20, 0xE6, 0xA0, 0xE6, 0x20, 0x58, 0xCF];

    // push ds; push ax; xor ax, ax; mov ds, ax; inc dword [046Ch]; int 1Ch; mov al, 20h; out 20h, al; pop ax; pop ds; iret
    private static ReadOnlySpan<byte> CountTick =>
        [0x1E, 0x50, 0x31, 0xC0, 0x8E, 0xD8, 0x66, 0xFF, 0x06, 0x6C, 0x04, 0xCD, 0x1C, 0xB0, 0x20, 0xE6, 0x20, 0x58, 0x1F, 0xCF];

    /// <summary>Leaves them out where a kernel is loaded over them or their handlers.</summary>
    public static void Write(GuestMemory memory, BootPlan plan)
    {
        if (Overlaps(0, Count * 4) || Overlaps(MachineLayout.BiosRom, 0x1_0000) || memory.Length < MachineLayout.ExtendedMemory)
        {
            return;
        }

        for (uint vector = 0; vector < Count; vector++)
        {
            memory.Write16(vector * 4, HandlerOf(vector));
            memory.Write16(vector * 4 + 2, Segment);
        }

        Place(NonMaskableHandler, Return);
        Place(TimerHandler, CountTick);
        Place(MasterHandler, EndAtMaster);
        Place(SlaveHandler, EndAtSlave);
        Place(DummyHandler, Return);

        void Place(ushort handler, ReadOnlySpan<byte> code) => code.CopyTo(memory.Slice(new GuestPhysicalAddress(MachineLayout.BiosRom + handler), code.Length));
        bool Overlaps(uint start, uint length) => plan.Ranges.Any(range => range.Address < start + length && range.End > start);
    }

    private static ushort HandlerOf(uint vector) => vector switch
    {
        NonMaskable => NonMaskableHandler,
        FirstMaster => TimerHandler,
        > FirstMaster and < FirstMaster + Inputs => MasterHandler,
        >= FirstSlave and < FirstSlave + Inputs => SlaveHandler,
        _ => DummyHandler,
    };
}
