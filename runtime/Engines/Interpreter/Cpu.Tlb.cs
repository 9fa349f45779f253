// Translation caches: direct-mapped, one set for user and one for supervisor accesses, emptied by advancing a generation.
namespace Runtime.Engines.Interpreter;

public sealed partial class Cpu
{
    private const int TlbMask = 1023;

    /// <summary>A tag is generation | linear page. An entry serves an access only after a walk for that kind of access succeeded, so
    /// accessed and dirty bits are set by then, and only for a frame in RAM.</summary>
    private struct TlbEntry
    {
        public ulong Read;
        public ulong Write;
        public ulong Fetch;
        public ulong Physical;
    }

    private readonly TlbEntry[] _userTlb = new TlbEntry[TlbMask + 1];
    private readonly TlbEntry[] _supervisorTlb = new TlbEntry[TlbMask + 1];
    private TlbEntry[] _tlb = [];
    private ulong _tlbGeneration = 1ul << 32;
    private bool _user;

    /// <summary>Part of the tag of fetches that may not be served from RAM without a look at the code view.</summary>
    private ulong FetchBit => CodeView is null ? 0 : 1ul << 31;

    /// <summary>Forgets every cached translation.</summary>
    public void FlushTlb() => _tlbGeneration += 1ul << 32;

    /// <summary>Forgets the translation of one page.</summary>
    public void InvalidatePage(uint linear)
    {
        _userTlb[linear >> 12 & TlbMask] = default;
        _supervisorTlb[linear >> 12 & TlbMask] = default;
    }

    private bool TryFillTlb(uint linear, AccessKind access, bool user, out ulong physical)
    {
        ref TlbEntry entry = ref (user ? _userTlb : _supervisorTlb)[linear >> 12 & TlbMask];
        ulong tag = _tlbGeneration | linear >> 12;
        ulong have = access switch { AccessKind.Read => entry.Read, AccessKind.Write => entry.Write, _ => entry.Fetch ^ FetchBit };
        if (have == tag)
        {
            physical = entry.Physical + (linear & 0xFFF);
            return true;
        }

        if (!TryTranslate(linear, access, user, out PageTranslation translation, out uint error))
        {
            physical = 0;
            return RecordPageFault(linear, error);
        }

        physical = translation.Physical;
        ulong page = physical & ~0xFFFul;
        if (page >= _memory.Length)
        {
            // Open bus: no tag, every access takes the checked way.
            return true;
        }

        if (entry.Physical != page)
        {
            entry = default;
            entry.Physical = page;
        }

        switch (access)
        {
            case AccessKind.Read:
                entry.Read = tag;
                break;

            case AccessKind.Write:
                entry.Write = tag;
                entry.Read = tag;
                break;

            case AccessKind.Fetch when page < _memory.Length:
                entry.Fetch = tag | FetchBit;
                break;
        }

        return true;
    }

    private uint OverlayFault(AccessKind access)
        => PageBits.FaultPresent | (access == AccessKind.Write ? PageBits.FaultWrite : 0) | (_user ? PageBits.FaultUser : 0);
}
