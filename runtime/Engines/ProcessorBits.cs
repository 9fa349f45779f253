// Names for the bits of EFLAGS, CR0, CR4 and of page-table entries, as the SDM spells them.
namespace Runtime.Engines;

/// <summary>EFLAGS (SDM vol. 1, 3.4.3).</summary>
public static class FlagBits
{
    public const uint Cf = 1 << 0, Pf = 1 << 2, Af = 1 << 4, Zf = 1 << 6, Sf = 1 << 7, Tf = 1 << 8, If = 1 << 9, Df = 1 << 10, Of = 1 << 11;
    public const uint Iopl = 3 << 12, Nt = 1 << 14, Rf = 1 << 16, Vm = 1 << 17, Ac = 1 << 18, Vif = 1 << 19, Vip = 1 << 20, Id = 1 << 21;
    public const uint Arithmetic = Cf | Pf | Af | Zf | Sf | Of;
}

/// <summary>CR0 and CR4 (SDM vol. 3, 2.5), EFER.</summary>
public static class ControlRegisters
{
    public const uint Cr0Pe = 1 << 0, Cr0Mp = 1 << 1, Cr0Em = 1 << 2, Cr0Ts = 1 << 3, Cr0Et = 1 << 4, Cr0Ne = 1 << 5;
    public const uint Cr0Wp = 1 << 16, Cr0Am = 1 << 18, Cr0Nw = 1 << 29, Cr0Cd = 1 << 30, Cr0Pg = 1u << 31;
    public const uint Cr4Vme = 1 << 0, Cr4Pvi = 1 << 1, Cr4Tsd = 1 << 2, Cr4De = 1 << 3, Cr4Pse = 1 << 4, Cr4Pae = 1 << 5, Cr4Mce = 1 << 6;
    public const uint Cr4Pge = 1 << 7, Cr4Pce = 1 << 8, Cr4Osfxsr = 1 << 9, Cr4Osxmmexcpt = 1 << 10, Cr4Umip = 1 << 11;
    public const ulong EferNxe = 1 << 11;
}

/// <summary>Page-table entries (SDM vol. 3, tables 4-4 to 4-6) and page-fault error codes (4.7).</summary>
public static class PageBits
{
    public const uint Present = 1 << 0, Writable = 1 << 1, User = 1 << 2, Accessed = 1 << 5, Dirty = 1 << 6, Large = 1 << 7, Global = 1 << 8;
    public const uint FaultPresent = 1 << 0, FaultWrite = 1 << 1, FaultUser = 1 << 2, FaultReserved = 1 << 3, FaultFetch = 1 << 4;
}
