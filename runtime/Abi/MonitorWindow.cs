// The monitor window: the few megabytes of the guest's linear address space that belong to the monitor. Guest-side shims
// live there, next to the virtual-CPU fields that they read and write. Rewriter and runtime share this one description.
namespace Runtime.Abi;

/// <summary>
/// Layout of the monitor window, in bytes from its base. The base is 4 MiB aligned (one page-directory entry without PAE).
/// <code>
///   0x0000  WindowData      read/write in guest kernel mode, no access in guest user mode
///   0x1000  UserData        read/write in both modes; holds only what a user-mode site says of itself
///   0x2000  gates           64-bit code, execute only: the doors to the stub, one for the kernel's shims and one for the user's
///   0x3000  GDT alias       the guest's frame that holds the start of its GDT, read only
///   0x4000  switcher        code that enters the guest kernel for a system call or a page fault and leaves it by IRET
///   0x10000 selector table  a byte for each selector: its slot, or 0
///   0x20000 trampolines     IA-32 code, execute only, up to the end of the window
/// </code>
/// </summary>
public static class MonitorWindow
{
    public const uint Size = 0x40_0000;
    public const uint Alignment = 0x40_0000;

    /// <summary>Where the window goes unless the guest needs the place: below the I/O APIC at 0xFEC00000.</summary>
    public const uint DefaultBase = 0xFE40_0000;

    public const uint UserDataOffset = 0x1000;
    public const uint GateOffset = 0x2000;

    /// <summary>The gate for code that may not touch <see cref="Data"/>.</summary>
    public const uint UserGateOffset = 0x2040;
    public const uint GdtAliasOffset = 0x3000;

    /// <summary>Where the shim of an INT n in user mode goes on, its site, vector and return address written to <see cref="User"/>.</summary>
    public const uint EnterOffset = 0x4000;

    /// <summary>Where the shim of an IRET in kernel mode goes on, its site written to <see cref="Data.SiteIndex"/>.</summary>
    public const uint LeaveOffset = 0x4800;

    /// <summary>Where a page fault of a user goes on that is for the guest's kernel alone to settle.</summary>
    public const uint FaultOffset = 0x5000;
    public const uint SwitcherEnd = 0x6000;

    public const uint SelectorTableOffset = 0x1_0000;
    public const uint SelectorTableSize = 0x1_0000;
    public const uint TrampolineOffset = 0x2_0000;

    /// <summary>Code selector that reaches the gate: Linux's __USER_CS, 64-bit code in every process of an x86-64 host.</summary>
    public const ushort GateSelector = 0x33;

    /// <summary>Offsets inside <c>WindowData</c>. Every field is a dword unless it says otherwise.</summary>
    public static class Data
    {
        /// <summary>The guest's EFLAGS.IF: 0x200 or 0.</summary>
        public const uint VirtualIf = 0x000;

        /// <summary>0x200 while an event waits for VirtualIf to become set, else 0: sti and popf shims leave by the gate then.</summary>
        public const uint EventPending = 0x004;

        /// <summary>The guest's EFLAGS.IOPL in place (bits 12-13) minus 0x200, the IF that hardware shows in ring 3:
        /// adding it and VirtualIf to what pushf stores gives the guest's EFLAGS.</summary>
        public const uint FlagsBias = 0x008;

        /// <summary>Written before a jump to the gate: the index of the site that asks.</summary>
        public const uint SiteIndex = 0x00C;

        /// <summary>Eight dwords for shims to keep registers in; dead between shims.</summary>
        public const uint Scratch = 0x010;

        /// <summary>Guest-visible selectors, one dword each, in the order of ModRM.reg: ES CS SS DS FS GS; then LDTR and TR.</summary>
        public const uint Selectors = 0x040;
        public const uint Ldtr = 0x058;
        public const uint Tr = 0x05C;

        public const uint Cr0 = 0x060;
        public const uint Cr2 = 0x064;
        public const uint Cr3 = 0x068;
        public const uint Cr4 = 0x06C;

        /// <summary>Pseudo-descriptors as SGDT and SIDT store them: limit (word), base (dword).</summary>
        public const uint Gdtr = 0x070;
        public const uint Idtr = 0x078;

        /// <summary>Qword: guest TSC minus host TSC.</summary>
        public const uint TscOffset = 0x080;

        /// <summary>The guest's CPL: 0 or 3. In one cache line with <see cref="LoadedSlot"/>: the monitor reads both after each exit.</summary>
        public const uint Cpl = 0x088;

        /// <summary>IOPL in place.</summary>
        public const uint Iopl = 0x08C;

        /// <summary>By segment register, in the order of <see cref="Selectors"/>: the slot that a shim loaded it from since the last entry,
        /// or <see cref="Slots.None"/>.</summary>
        public const uint LoadedSlot = 0x090;

        /// <summary>By segment register: 1 while what it holds survives a return to user mode (null, or DPL 3; SDM vol. 2, IRET).</summary>
        public const uint SegmentIsUser = 0x0A8;

        /// <summary>Words of the guest's memory that shims read and that are kept up to date here, a dword each.</summary>
        public const uint Mirrors = 0x280;
        public const int MirrorCount = 16;

        /// <summary>How many port writes shims may still post; 0 while none may. Small enough to be added to <see cref="VirtualIf"/>.</summary>
        public const uint PostRoom = 0x0C8;

        /// <summary>What the interrupt controllers' mask registers hold, a byte each, master first. Kept by shims that post; valid while there is
        /// <see cref="PostRoom"/>.</summary>
        public const uint InterruptMasks = 0x0CC;

        /// <summary>Posted writes, a dword each: port, value. Filled from the end: the first is at <see cref="PostCapacity"/> - 1, the last at
        /// <see cref="PostRoom"/>.</summary>
        public const uint PostQueue = 0x2C0;
        public const int PostCapacity = 16;

        public const uint Length = 0x0D0;
    }

    /// <summary>
    /// Descriptors that the monitor has loaded for the guest before, so that shims can load them again: parallel arrays of dwords, from
    /// the window's base. Slot 0 never matches.
    /// </summary>
    public static class Slots
    {
        public const int Count = 64;
        public const uint None = 0xFFFF_FFFF;

        /// <summary>Where in the window the descriptor's eight bytes are seen.</summary>
        public const uint Address = 0x400;

        /// <summary>Minus what they must be, low and high half: adding gives zero without touching a flag if one uses LEA.</summary>
        public const uint NegatedLow = 0x500;
        public const uint NegatedHigh = 0x600;

        /// <summary>The selector that stands for it in the stub process.</summary>
        public const uint HostSelector = 0x700;
        public const uint GuestSelector = 0x800;

        /// <summary>1 when a segment loaded from it survives a return to user mode.</summary>
        public const uint IsUser = 0xA00;

        /// <summary>ZF in its place in AH (40h) where VERW finds the descriptor writable at CPL 0, else 0.</summary>
        public const uint IsWritable = 0xF00;

        /// <summary>Eight zero bytes: the descriptor that null selectors are said to have.</summary>
        public const uint Zero = 0x900;
    }

    /// <summary>Offsets inside <c>UserData</c>.</summary>
    public static class User
    {
        /// <summary>Written before a jump to the user's gate: the index of the site that asks.</summary>
        public const uint SiteIndex = 0x00C;
        public const uint Scratch = 0x010;

        /// <summary>Of an INT n: the address after it, and n.</summary>
        public const uint Return = 0x030;
        public const uint Vector = 0x034;
    }
}
