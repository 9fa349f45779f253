namespace Runtime;

/// <summary>What a guest finds around its processor.</summary>
public enum PlatformKind
{
    /// <summary>Xen in para mode, else a PC.</summary>
    Auto,

    /// <summary>A PC of emulated devices.</summary>
    Pc,

    /// <summary>The same PC with a Xen hypervisor: a kernel that knows Xen finds hypercalls and rings, another sees the PC.</summary>
    Xen,
}
