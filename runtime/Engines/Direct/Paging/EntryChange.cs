// What a change of a guest page-table entry means for a page that was filled from it.
namespace Runtime.Engines.Direct.Paging;

/// <summary>From harmless to fatal.</summary>
internal enum EntryChange
{
    /// <summary>What is shown may stay: nothing changed that matters, or the entry allows more now.</summary>
    None,

    /// <summary>The page may be read but no longer written: write-protected, or no longer dirty.</summary>
    Protected,

    /// <summary>The guest cleared the accessed bit: it wants to see the next access.</summary>
    Aged,

    /// <summary>The entry says something else.</summary>
    Other,
}

internal static class EntryChanges
{
    /// <summary>Compares the entry that a page was filled from with the present one.</summary>
    /// <param name="honoursWritable">CR0.WP: otherwise the kernel may have written to what is read-only.</param>
    public static EntryChange Classify(ulong then, ulong now, bool honoursWritable)
    {
        ulong changed = (then ^ now) & GuestPageTables.TranslationMask;
        if ((changed & ~(ulong)PageBits.Writable) != 0 || (changed != 0 && !honoursWritable) || (now & PageBits.Present) == 0)
        {
            return EntryChange.Other;
        }

        if ((now & PageBits.Accessed) == 0)
        {
            return EntryChange.Aged;
        }

        ulong lost = then & ~now;
        return (lost & (PageBits.Writable | PageBits.Dirty)) != 0 ? EntryChange.Protected : EntryChange.None;
    }
}
