namespace Runtime.Engines.Direct.Paging;

/// <summary>Which stub process a state of the guest runs in.</summary>
/// <param name="Root">CR3 without its low bits, CR4.PAE in bit 0; all ones while paging is off.</param>
/// <param name="User">Guest user mode has a process of its own: only on hosts without protection keys.</param>
internal readonly record struct SpaceKey(ulong Root, bool User)
{
    public const ulong Unpaged = ulong.MaxValue;
    public const ulong PaeFlag = 1;

    /// <summary>The root of the translations in use.</summary>
    public static ulong RootOf(VcpuState state) => state.PagingEnabled
        ? (state.Cr3 & ~0x1Fu) | ((state.Cr4 & ControlRegisters.Cr4Pae) != 0 ? PaeFlag : 0)
        : Unpaged;
}
