// The fields that the switcher's code and the monitor share, in the data pages of the window beyond those that shims know.
using Runtime.Abi;

namespace Runtime.Engines.Direct;

/// <summary>Offsets from the window's base.</summary>
internal static class SwitcherLayout
{
    // WindowData: what has to hold for a fast switch. All ones means: never.

    /// <summary>The vector whose gate is known.</summary>
    public const uint Vector = 0x100;

    /// <summary>CS and SS selectors of the guest kernel and of its users.</summary>
    public const uint KernelCs = 0x104, KernelSs = 0x108, UserCs = 0x10C, UserSs = 0x110;

    /// <summary>Linear address of ESP0 in the guest's TSS; SS0 follows (SDM vol. 3, figure 8-2).</summary>
    public const uint TaskStack = 0x114;

    /// <summary>What remains of IF: 0 for an interrupt gate, 200h for a trap gate.</summary>
    public const uint GateIfMask = 0x118;

    /// <summary>The gate's offset.</summary>
    public const uint GateTarget = 0x11C;

    /// <summary>Descriptors that the processor would read: linear address, low and high half, 12 bytes each.</summary>
    public const uint GateDescriptor = 0x120, KernelCsDescriptor = 0x12C, KernelSsDescriptor = 0x138, UserCsDescriptor = 0x144, UserSsDescriptor = 0x150;

    // WindowData: of an IRET under way.
    public const uint LeaveFlags = 0x160, LeaveEsp = 0x164, LeaveTarget = 0x168;

    /// <summary>Not 0 while the monitor is to see the return from the guest's page-fault handler: <see cref="Wanted"/> or <see cref="FaultUnseen"/>.
    /// Like <see cref="MonitorWindow.Data.PostRoom"/> it is added to VirtualIf.</summary>
    public const uint ReturnWanted = 0x16C;

    /// <summary>The monitor has delivered the fault.</summary>
    public const uint Wanted = 0x20;

    /// <summary>The switcher has, and the monitor does not know of it.</summary>
    public const uint FaultUnseen = 0x40;

    /// <summary>Of the last fault that the switcher delivered or tried to: error code, EIP and address, in the cache line of
    /// <see cref="ReturnWanted"/>.</summary>
    public const uint FaultError = 0x170, FaultEip = 0x174, FaultAddress = 0x178;

    /// <summary>Not 0 while the way to the page-fault handler is known; then the gate's offset and what remains of IF.</summary>
    public const uint FaultArmed = 0x190, FaultTarget = 0x194, FaultIfMask = 0x180;

    /// <summary>As <see cref="GateDescriptor"/>.</summary>
    public const uint FaultGateDescriptor = 0x184;

    /// <summary>Top of the switcher's stack in WindowData: room for the flags.</summary>
    public const uint StackTop = 0x200;

    /// <summary>Where displaced return addresses really go on: 64 entries of guest EIP, host EIP, CR3, unused.</summary>
    public const uint ReturnCache = 0xB00;
    public const int ReturnCacheEntries = 64;

    // UserData: registers of the user while the switcher works.
    private const uint U = MonitorWindow.UserDataOffset;
    public const uint UserEax = U + 0x38, UserEcx = U + 0x3C, UserEdx = U + 0x40, UserEbx = U + 0x44, UserEsp = U + 0x48, UserEip = U + 0x4C;
    public const uint UserStackTop = U + 0x100;
    public const uint UserFlags = UserStackTop - 4;
}
