namespace Runtime.Abi.Xen;

/// <summary>How a guest finds Xen: CPUID leaves and the MSR that places the hypercall page (public/arch-x86/cpuid.h).</summary>
public static class XenCpuid
{
    public const uint FirstLeaf = 0x4000_0000;
    public const uint LastLeaf = FirstLeaf + 4;

    /// <summary>"XenV", "MMXe", "nVMM" in EBX, ECX, EDX.</summary>
    public const uint SignatureEbx = 0x566E_6558, SignatureEcx = 0x6558_4D4D, SignatureEdx = 0x4D4D_566E;

    /// <summary>The version that is claimed: 4.17, that of Debian 12.</summary>
    public const uint Version = 4 << 16 | 17;

    /// <summary>Writing a guest-physical address here fills that page with <see cref="HypercallPage"/>.</summary>
    public const uint HypercallPageMsr = 0x4000_0000;

    // Leaf base+4, EAX.
    public const uint VcpuIdPresent = 1u << 3;
    public const uint DomainIdPresent = 1u << 4;
}
