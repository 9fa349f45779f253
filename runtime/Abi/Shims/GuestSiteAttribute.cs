namespace Runtime.Abi.Shims;

/// <summary>Says which sensitive instruction a shim performs. The method is static and takes one <see cref="IShimContext"/>.</summary>
/// <param name="address">Linked virtual address of the instruction.</param>
[AttributeUsage(AttributeTargets.Method)]
public sealed class GuestSiteAttribute(uint address) : Attribute
{
    public uint Address { get; } = address;
}
