using Runtime.Abi.Shims;

namespace Runtime.Paravirt;

/// <summary>The host's half of a site.</summary>
/// <param name="Length">Of the instruction that it performs, in bytes.</param>
public sealed record HostShim(Action<IShimContext> Perform, int Length);
