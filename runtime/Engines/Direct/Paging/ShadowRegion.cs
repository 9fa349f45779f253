namespace Runtime.Engines.Direct.Paging;

/// <summary>How a page of the guest's linear address space is present in a stub process.</summary>
internal enum ShadowKind : byte
{
    Absent,
    ReadOnly,
    Writable,

    /// <summary>A patched copy, execute-only where the host has protection keys.</summary>
    Code,
}

internal struct ShadowPage
{
    public uint Frame;

    /// <summary>For <see cref="ShadowKind.Code"/>: which patched copy.</summary>
    public ushort Slot;
    public ShadowKind Kind;
}

/// <summary>Where the translations of a 2 MiB region come from.</summary>
/// <param name="Pointer">Page-directory-pointer entry with PAE, else 0.</param>
/// <param name="Directory">Page-directory entry without its accessed bit; 0 without paging.</param>
/// <param name="Table">Guest-physical address of the region's first page-table entry; 0 for large pages and without paging.</param>
/// <param name="EntrySize">4, or 8 with PAE.</param>
internal readonly record struct RegionSource(ulong Pointer, ulong Directory, ulong Table, int EntrySize);

/// <summary>Shadow of 2 MiB of linear address space, with the copy of the guest's entries that it was filled from.</summary>
internal sealed class ShadowRegion
{
    public const int PageCount = 512;

    public readonly ShadowPage[] Pages = new ShadowPage[PageCount];

    /// <summary>The guest's entries as they were when pages were filled from them; entries of absent pages may be old.</summary>
    public readonly byte[] Snapshot = new byte[PageCount * 8];

    public RegionSource Source;

    /// <summary>Pages that are not absent.</summary>
    public int Filled;
}
