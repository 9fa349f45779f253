// From a hypercall exit to its effect: the run loop hands over the site, the site's shim does the rest.
using Runtime.Devices;
using Runtime.Engines;
using Runtime.Engines.Interpreter;

namespace Runtime.Paravirt;

/// <summary>The loaded shims of a guest.</summary>
/// <param name="processor">The one that the guest's state belongs to.</param>
public sealed class Hypercalls(Cpu processor, PortBus bus)
{
    private readonly ShimContext _context = new(processor, bus);
    private volatile HostShim?[] _shims = [];

    /// <summary>Puts shims into force. Safe from any thread; sites may be returned by the engine from then on.</summary>
    /// <param name="shims">By site index.</param>
    public void Load(HostShim?[] shims) => _shims = shims;

    /// <summary>Performs the instruction that EIP is on.</summary>
    /// <returns>What is left to do for the run loop.</returns>
    public VmExit Perform(uint site)
        => site < (uint)_shims.Length && _shims[site] is HostShim shim
            ? _context.Perform(shim)
            : throw new InvalidOperationException($"no shim is loaded for site {site}");
}
