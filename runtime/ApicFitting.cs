// What a machine has of APICs, by what its kernel makes of them.
using Rewriter.Images;
using Runtime.Loading;

namespace Runtime;

/// <summary>The local APIC, the I/O APIC and the table that tells of them.</summary>
public enum ApicFitting
{
    /// <summary>A local APIC that firmware has disabled, and nothing that tells of it: kernels keep to the 8259As unless they enable it themselves.</summary>
    Off,

    /// <summary>The local APIC alone, the 8259As going past it (PIC mode).</summary>
    Local,

    /// <summary>Both, as in QEMU's <c>pc</c>, the 8259As on LINT0 (virtual wire mode).</summary>
    On,
}

/// <summary>Chooses.</summary>
public static class ApicFittings
{
    /// <summary>Each access to an APIC is an exit, and a port that is written is not always one; so kernels that do as well without, as Linux does, are left
    /// with the 8259As. One that knows Xen has to find a local APIC before it sets up Xen's timers.</summary>
    public static ApicFitting For(KernelImage image, bool hasXen) => BootPlan.For(image).Protocol switch
    {
        _ when hasXen && image.PvhEntry is not null => ApicFitting.Local,
        BootProtocol.Linux or BootProtocol.Pvh => ApicFitting.Off,
        _ => ApicFitting.On,
    };
}
