// From a hypercall exit to its effect: the run loop hands over the site, the site's shim does the rest.
using Runtime.Devices;
using Runtime.Engines;
using Runtime.Engines.Interpreter;

namespace Runtime.Paravirt;

/// <summary>The loaded shims of a guest.</summary>
/// <param name="processor">The one that the guest's state belongs to.</param>
/// <param name="xen">See <see cref="ShimContext"/>.</param>
public sealed class Hypercalls(Cpu processor, PortBus bus, Func<VcpuState, Func<bool>?>? xen)
{
    private readonly ShimContext _context = new(processor, bus, xen);
    private volatile HostShim?[] _shims = [];

    /// <summary>Puts shims into force. Safe from any thread; sites may be returned by the engine from then on.</summary>
    /// <param name="shims">By site index.</param>
    public void Load(HostShim?[] shims) => _shims = shims;

    /// <summary>Performs the instruction that EIP is on.</summary>
    /// <param name="wait">What the processor is to wait for before it goes on; null to go on.</param>
    /// <returns>What is left to do for the run loop.</returns>
    public VmExit Perform(uint site, out Func<bool>? wait)
        => site < (uint)_shims.Length && _shims[site] is HostShim shim
            ? _context.Perform(shim, out wait)
            : throw new InvalidOperationException($"no shim is loaded for site {site}");
}
