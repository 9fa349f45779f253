namespace Runtime.Abi.Xen;

/// <summary>Numbers of domains (Xen, public/xen.h).</summary>
public static class DomainId
{
    /// <summary>The side of the back ends: what a real Xen calls dom0.</summary>
    public const ushort Control = 0;

    /// <summary>The number a guest is told when nobody gave it another.</summary>
    public const ushort FirstGuest = 1;

    /// <summary>DOMID_SELF</summary>
    public const ushort Self = 0x7FF0;
}
