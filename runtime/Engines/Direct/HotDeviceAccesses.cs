// Device memory is not mapped in the shadow, so that each access to it is a fault. Kernels that look at their local APIC at every step, as xv6 does to know
// on which processor it is, would hardly do anything else: the instructions that do it often become sites.
using Runtime.Engines.Patched;
using Runtime.Memory;

namespace Runtime.Engines.Direct;

/// <summary>Counts accesses to device memory by instruction, and has those taken over that come often. One that turns out to access RAM as a rule, since it
/// stands in a function for both, is given back.</summary>
internal sealed class HotDeviceAccesses(CodeCache code, GuestMemory memory)
{
    /// <summary>Faults until an instruction is taken over, how many times more after it was given back, strays until it is, instructions that are
    /// remembered.</summary>
    private const int Patience = 64, Growth = 4, MostStrays = 256, MostPlaces = 4096;

    private readonly Dictionary<uint, Place> _places = [];
    private long _before;

    /// <summary>An instruction that accesses data is about to be performed.</summary>
    public void Begin() => _before = memory.DeviceAccesses;

    /// <summary>It was performed because it faulted.</summary>
    /// <param name="page">Where it is; null where that is not known.</param>
    public void Faulted(CodePage? page, uint eip)
    {
        if (memory.DeviceAccesses == _before || page is null)
        {
            return;
        }

        if (_places.Count >= MostPlaces)
        {
            _places.Clear();
        }

        Place place = _places.GetValueOrDefault(eip, new Place(0, Patience));
        bool isHot = place.Faults + 1 == place.Wanted;
        _places[eip] = place with { Faults = isHot ? 0 : place.Faults + 1 };
        if (isHot)
        {
            code.TryTakeOver(page, eip);
        }
    }

    /// <summary>It was performed because it is a site.</summary>
    public void Performed(CodeSite site)
    {
        site.Strays = memory.DeviceAccesses == _before ? site.Strays + 1 : Math.Max(0, site.Strays - 1);
        if (site.Strays > MostStrays)
        {
            int wanted = _places.GetValueOrDefault(site.Address, new Place(0, Patience)).Wanted;
            _places[site.Address] = new Place(0, (int)Math.Min((long)wanted * Growth, int.MaxValue));
            code.GiveBack(site);
        }
    }

    /// <param name="Faults">Since it was taken over or given back last.</param>
    /// <param name="Wanted">When it is taken over.</param>
    private readonly record struct Place(int Faults, int Wanted);
}
