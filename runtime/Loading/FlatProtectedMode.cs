using Runtime.Engines;

namespace Runtime.Loading;

/// <summary>The processor as 32-bit boot protocols hand it over (multiboot 0.6.96, 3.2): flat segments, paging and interrupts off.</summary>
internal static class FlatProtectedMode
{
    // Descriptor bits 40-55: present, DPL 0, 32-bit, page granularity, accessed.
    private const ushort Code = 0xC09B, Data = 0xC093, BusyTss = 0x008B, Ldt = 0x0082;

    /// <summary>A scratch stack where GRUB has it: kernels must set up their own, but some call first, and some never do. It must not lie
    /// below vm.mmap_min_addr of any usual host, where the direct engine has to emulate.</summary>
    private const uint Stack = 0x7_FF00;

    public static void Enter(VcpuState state, uint entry)
    {
        for (int i = 0; i < 8; i++)
        {
            state.Gpr[i] = 0;
        }

        state.Gpr[VcpuState.Esp] = Stack;
        state.Eip = entry;
        state.Eflags = 2;
        state.Cr0 = ControlRegisters.Cr0Pe | ControlRegisters.Cr0Et;
        state.Cr2 = state.Cr3 = state.Cr4 = 0;
        state.Cpl = 0;
        for (int i = 0; i < 6; i++)
        {
            state.Segments[i] = new SegmentRegister(0x10, 0, uint.MaxValue, Data);
        }

        state.Segments[(int)SegmentIndex.Cs] = new SegmentRegister(0x08, 0, uint.MaxValue, Code);
        state.Tr = new SegmentRegister(0, 0, 0xFFFF, BusyTss);
        state.Ldtr = new SegmentRegister(0, 0, 0xFFFF, Ldt);
        state.Gdtr = new TableRegister(0, 0); // must not be relied upon
        state.Idtr = new TableRegister(0, 0);
    }

    /// <summary>Linux wants __BOOT_CS 10h and __BOOT_DS 18h (boot.rst, 1.15).</summary>
    public static void UseLinuxSelectors(VcpuState state)
    {
        for (int i = 0; i < 6; i++)
        {
            state.Segments[i].Selector = (ushort)(i == (int)SegmentIndex.Cs ? 0x10 : 0x18);
        }
    }

    /// <summary>A PVH kernel finds a TSS of 67h bytes and one (Xen docs/misc/pvh.pandoc, "x86/HVM direct boot ABI").</summary>
    public static void UsePvhTaskRegister(VcpuState state) => state.Tr = new SegmentRegister(0, 0, 0x67, BusyTss);
}
