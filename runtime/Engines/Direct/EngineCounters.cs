using Runtime.Engines.Direct.Code;

namespace Runtime.Engines.Direct;

/// <summary>What the direct engine did: exits of the stub process by kind, and the sites that caused them.</summary>
public sealed class EngineCounters
{
    private readonly Dictionary<uint, long> _bySite = [];

    /// <summary>Entries into the guest.</summary>
    public long Entries { get; set; }

    /// <summary>Stub processes started, and the time that took.</summary>
    public long Spawns { get; set; }
    public long SpawnNanoseconds { get; set; }

    /// <summary>Time from entering the guest to its exit, the hand-over included.</summary>
    public long NativeNanoseconds { get; set; }

    /// <summary>Exits by the gate.</summary>
    public long Hypercalls { get; set; }

    /// <summary>Signals for instructions that trapped.</summary>
    public long Traps { get; set; }
    public long PageFaults { get; set; }

    /// <summary>Page faults handed to the guest.</summary>
    public long GuestPageFaults { get; set; }
    public long Kicks { get; set; }

    /// <summary>Instructions executed by the interpreter.</summary>
    public long Emulated { get; set; }

    /// <summary>Data accesses to execute-only copies.</summary>
    public long CodeAccesses { get; set; }

    /// <summary>Stores to frames that have copies.</summary>
    public long CodeWrites { get; set; }

    /// <summary>Scans of code met at run time.</summary>
    public long Scans { get; set; }

    /// <summary>Stray jumps into displaced ranges that the guard bytes caught.</summary>
    public long GuardHits { get; set; }
    public long RollForwards { get; set; }
    public long WindowMoves { get; set; }

    /// <summary>Exits by the address of the sensitive instruction.</summary>
    public IReadOnlyDictionary<uint, long> BySite => _bySite;

    internal void Count(CodeSite site)
        => System.Runtime.InteropServices.CollectionsMarshal.GetValueRefOrAddDefault(_bySite, site.Address, out _)++;
}
