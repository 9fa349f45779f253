// What the guest's processor claims to be. CPUID answers from here, and instructions of absent features are #UD.
using System.Runtime.Intrinsics.X86;
using System.Text;
using Runtime.Abi.Xen;

namespace Runtime.Engines.Interpreter;

/// <summary>EAX EBX ECX EDX of one CPUID leaf.</summary>
public readonly record struct CpuidLeaf(uint Eax, uint Ebx, uint Ecx, uint Edx);

/// <summary>Feature bits of CPUID leaf 1, EDX (SDM vol. 2, table 3-11).</summary>
[Flags]
public enum CpuFeatures : uint
{
    Fpu = 1 << 0,
    Vme = 1 << 1,
    De = 1 << 2,
    Pse = 1 << 3,
    Tsc = 1 << 4,
    Msr = 1 << 5,
    Pae = 1 << 6,
    Cx8 = 1 << 8,
    Apic = 1 << 9,
    Sep = 1 << 11,
    Mtrr = 1 << 12,
    Pge = 1 << 13,
    Cmov = 1 << 15,
    Pat = 1 << 16,
    Pse36 = 1 << 17,
    Clfsh = 1 << 19,
    Mmx = 1 << 23,
    Fxsr = 1 << 24,
    Sse = 1 << 25,
    Sse2 = 1 << 26,
}

/// <summary>An immutable description of a processor.</summary>
public sealed class CpuModel
{
    public const uint TimeStampLeaf = 0x15, FrequencyLeaf = 0x16;

    private const uint HypervisorPresent = 1u << 31;

    // CPUID 7.0 EBX and EDX, 80000007H EDX.
    private const uint StructuredLeaf = 7, TimeStampAdjust = 2, HasArchitecturalCapabilities = 1 << 29, InvariantTimeStampBit = 1 << 8;

    /// <summary>A 686-class processor with SSE2, no fast system calls. Whether it has an APIC is the board's affair.</summary>
    public static readonly CpuModel Default = new();

    /// <summary>The same under Xen.</summary>
    public static readonly CpuModel UnderXen = new() { HasXen = true };

    public CpuFeatures Features { get; init; } = CpuFeatures.Fpu | CpuFeatures.De | CpuFeatures.Pse | CpuFeatures.Tsc | CpuFeatures.Msr
        | CpuFeatures.Pae | CpuFeatures.Cx8 | CpuFeatures.Pge | CpuFeatures.Cmov | CpuFeatures.Pat | CpuFeatures.Clfsh | CpuFeatures.Mmx
        | CpuFeatures.Fxsr | CpuFeatures.Sse | CpuFeatures.Sse2;

    /// <summary>IA32_EFER.NXE may be set.</summary>
    public bool NoExecute { get; init; } = true;

    /// <summary>12 characters.</summary>
    public string Vendor { get; init; } = "GenuineIntel";

    /// <summary>At most 47 characters.</summary>
    public string Brand { get; init; } = "Rewriter IA-32 virtual processor";

    /// <summary>Family, model and stepping as leaf 1 EAX encodes them.</summary>
    public uint Signature { get; init; } = 0x6B1;

    /// <summary>The time-stamp counter runs at one rate whatever the processor does, as the host's: then a kernel needs no other clock to watch it.
    /// IA32_TSC_ADJUST, which shows that nobody has moved it, comes along.</summary>
    public bool InvariantTimeStamp { get; init; } = HostHasInvariantTimeStamp();

    /// <summary>IA32_ARCH_CAPABILITIES: the weaknesses of speculative execution that it does not have. 0 for no such register.</summary>
    public uint ArchitecturalCapabilities { get; init; } = HostImmunity.OfHost;

    /// <summary>A Xen hypervisor shows itself: its CPUID leaves, the hypercall page, VMCALL.</summary>
    public bool HasXen { get; init; }

    public bool Has(CpuFeatures features) => (Features & features) == features;

    public CpuidLeaf Leaf(uint leaf, uint subleaf) => leaf switch
    {
        0 => new(InvariantTimeStamp ? FrequencyLeaf : ArchitecturalCapabilities != 0 ? StructuredLeaf : 2, VendorWords[0], VendorWords[2], VendorWords[1]),
        1 => new(Signature, Has(CpuFeatures.Clfsh) ? 8u << 8 : 0, HypervisorPresent, (uint)Features),
        StructuredLeaf when subleaf == 0
            => new(0, InvariantTimeStamp ? TimeStampAdjust : 0, 0, ArchitecturalCapabilities != 0 ? HasArchitecturalCapabilities : 0),
        XenCpuid.FirstLeaf when HasXen => new(XenCpuid.LastLeaf, XenCpuid.SignatureEbx, XenCpuid.SignatureEcx, XenCpuid.SignatureEdx),
        XenCpuid.FirstLeaf + 1 when HasXen => new(XenCpuid.Version, 0, 0, 0),
        XenCpuid.FirstLeaf + 2 when HasXen => new(1, XenCpuid.HypercallPageMsr, 0, 0),
        XenCpuid.FirstLeaf + 4 when HasXen => new(XenCpuid.VcpuIdPresent | XenCpuid.DomainIdPresent, 0, DomainId.FirstGuest, 0),
        0x8000_0000 => new(0x8000_0008, 0, 0, 0),
        0x8000_0001 => new(0, 0, 0, NoExecute ? 1u << 20 : 0),
        0x8000_0002 or 0x8000_0003 or 0x8000_0004 => BrandLeaf((int)(leaf - 0x8000_0002) * 4),
        0x8000_0007 => new(0, 0, 0, InvariantTimeStamp ? InvariantTimeStampBit : 0),
        0x8000_0008 => new(0x2024, 0, 0, 0),
        _ => default,
    };

    private static bool HostHasInvariantTimeStamp()
        => X86Base.IsSupported && unchecked((uint)X86Base.CpuId(unchecked((int)0x8000_0000), 0).Eax) >= 0x8000_0007
            && (X86Base.CpuId(unchecked((int)0x8000_0007), 0).Edx & InvariantTimeStampBit) != 0;

    /// <summary>The leaves that tell the rate of the time-stamp counter, for kernels that need not measure it then: a busy host spoils that.
    /// As a ratio (1:1) to a crystal of that very rate, and in whole MHz (SDM vol. 2, CPUID, table 3-8).</summary>
    /// <param name="hertz">0 when it is not known.</param>
    public CpuidLeaf RateLeaf(uint leaf, ulong hertz)
    {
        if (!InvariantTimeStamp || hertz is 0 or > uint.MaxValue)
        {
            return default;
        }

        uint megahertz = (uint)((hertz + 500_000) / 1_000_000);
        return leaf == TimeStampLeaf ? new(1, 1, (uint)hertz, 0) : new(megahertz, megahertz, 0, 0);
    }

    private uint[] VendorWords => field ??= Pack(Vendor, 3);

    private uint[] BrandWords => field ??= Pack(Brand, 12);

    private CpuidLeaf BrandLeaf(int from) => new(BrandWords[from], BrandWords[from + 1], BrandWords[from + 2], BrandWords[from + 3]);

    /// <summary>Four characters a word, the first one lowest; zeros behind the end.</summary>
    private static uint[] Pack(string text, int words)
    {
        var packed = new uint[words];
        byte[] bytes = Encoding.ASCII.GetBytes(text);
        for (int i = 0; i < bytes.Length && i < words * 4; i++)
        {
            packed[i / 4] |= (uint)bytes[i] << 8 * (i % 4);
        }

        return packed;
    }
}
