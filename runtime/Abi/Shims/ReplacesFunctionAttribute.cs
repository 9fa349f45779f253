namespace Runtime.Abi.Shims;

/// <summary>
/// Says which function of the guest kernel a shim stands in for. The method is public and static, takes one <see cref="IShimContext"/>, and
/// runs where the guest calls the function: EIP is its first instruction, ESP points at the return address.
/// <para>It returns void or uint: then the guest's function returns to its caller, with EAX as the uint says. Or bool: true likewise, with
/// what the method put into EAX; false lets the guest's own function run as if nothing had been there.</para>
/// <para>A fault on the way (a page of the guest's that is not present) is delivered to the guest at the function's first instruction, and
/// the method runs from its beginning when the guest returns there.</para>
/// </summary>
[AttributeUsage(AttributeTargets.Method, AllowMultiple = true)]
public sealed class ReplacesFunctionAttribute : Attribute
{
    /// <param name="symbol">Name of the function in the image's symbol table.</param>
    public ReplacesFunctionAttribute(string symbol) => Symbol = symbol;

    /// <param name="address">Linked virtual address of the function's first instruction.</param>
    public ReplacesFunctionAttribute(uint address) => Address = address;

    public string? Symbol { get; }

    public uint Address { get; }
}
