// Brings patched copies and address spaces together: maps a copy where the guest fetches, takes it away when its frame is written,
// and translates between guest addresses and the addresses where displaced instructions really run.
using System.Runtime.InteropServices;
using Rewriter.Patching;
using Runtime.Engines.Direct.Paging;
using Runtime.Engines.Interpreter;
using Runtime.Engines.Patched;

namespace Runtime.Engines.Direct.Code;

/// <summary>Where execution is to go on for a guest EIP.</summary>
internal enum Placement
{
    /// <summary>At the address given, natively.</summary>
    Native,

    /// <summary>Nowhere natively: the interpreter executes the instruction.</summary>
    Emulate,
}

internal sealed class CodeMapper(CodeCache cache, ShadowPager pager, FrameTable frames, Cpu cpu)
{
    private const uint FetchBehind = 8, FetchAhead = 16;

    private readonly List<(AddressSpace Space, uint Page)> _mappings = [];

    private readonly List<CodePage> _shown = [];

    /// <summary>Pages that guest user mode has executed.</summary>
    private readonly HashSet<(uint Frame, uint Page)> _usedByUsers = [];

    /// <summary>Settles a fetch fault: maps the patched copy of the page at <paramref name="linear"/>, scanned from the guest's EIP when that
    /// lies in it.</summary>
    /// <param name="error">The guest's page-fault error code when it is the guest's fault.</param>
    public FillResult Map(AddressSpace space, uint linear, uint eip, bool user, out uint error)
    {
        if (!cpu.TryTranslate(linear, AccessKind.Fetch, user, out PageTranslation translation, out error))
        {
            return FillResult.GuestFault;
        }

        uint page = linear >> 12;
        CodePage? code = pager.CanMap(page) ? CopyOf(page, translation) : null;
        if (code is null)
        {
            return FillResult.Emulate;
        }

        if (eip >> 12 == page)
        {
            Scan(space, code, (int)(eip & 0xFFF), user);
        }

        Protect(code.Key.Frame);
        pager.Open(space, page);
        ShowAround(space, code, user);
        return FillResult.Filled;
    }

    /// <summary>Shows a copy that was just fetched from, and around it what other address spaces have executed already.</summary>
    private void ShowAround(AddressSpace space, CodePage fetched, bool user)
    {
        uint page = fetched.Key.Page;
        _shown.Clear();
        uint last = Math.Min(page + FetchAhead, page | (ShadowRegion.PageCount - 1));
        for (uint other = page - Math.Min(page & (ShadowRegion.PageCount - 1), FetchBehind); other <= last; other++)
        {
            if (other == page)
            {
                _shown.Add(fetched);
            }
            else if (space.Page(other).Kind == ShadowKind.Absent && pager.CanMap(other)
                && cpu.TryTranslate(other << 12, AccessKind.Fetch, user, false, out PageTranslation translation, out _)
                && cache.Find(KeyOf(other, translation)) is CodePage code && pager.TryUseAhead(space, other))
            {
                _shown.Add(code);
            }
        }

        space.MapCode(CollectionsMarshal.AsSpan(_shown));
        foreach (CodePage code in _shown)
        {
            pager.Remember(space, code.Key.Page);
            CheckCrossing(space, code.Key.Page - 1);
            CheckCrossing(space, code.Key.Page);
        }
    }

    /// <summary>The patched copy that an address space shows at a linear address, or null.</summary>
    public CodePage? At(AddressSpace space, uint linear)
    {
        ShadowPage shadow = space.Page(linear >> 12);
        return shadow.Kind == ShadowKind.Code ? cache.InSlot(shadow.Slot) : null;
    }

    /// <summary>Scans a mapped copy from an address that trapped because nothing was known about it.</summary>
    public void Scan(AddressSpace space, CodePage code, int offset, bool user)
        => cache.Scan(code, offset, page => Following(space, page, user));

    /// <summary>Where to enter the guest for an EIP: the address itself, its place in a trampoline, or not at all.</summary>
    public Placement Place(AddressSpace space, uint eip, out uint address)
    {
        address = eip;
        if (At(space, eip) is not CodePage code)
        {
            return Placement.Native;
        }

        if (code.TryPlace(eip, out uint known))
        {
            address = known;
            return Placement.Native;
        }

        Placement placement = Find(code, eip, out address);
        if (placement == Placement.Native)
        {
            code.RememberPlace(eip, address);
        }

        return placement;
    }

    private static Placement Find(CodePage code, uint eip, out uint address)
    {
        address = eip;
        int offset = (int)(eip & 0xFFF);
        if (code.PatchAt(offset) is not LivePatch live)
        {
            // A site that was left to a trap would only come straight back.
            return code.Sites.ContainsKey(offset) ? Placement.Emulate : Placement.Native;
        }

        if (live.Patch.Address == eip && live.HasTrampoline)
        {
            return Placement.Native;
        }

        foreach (TrampolineMapEntry entry in live.Patch.Map)
        {
            if (entry.GuestAddress == eip && entry.IsRestart)
            {
                address = live.Patch.TrampolineAddress + (uint)entry.Offset;
                return Placement.Native;
            }
        }

        return Placement.Emulate;
    }

    /// <summary>Drops all patched copies of a frame.</summary>
    public void Invalidate(uint frame)
    {
        foreach (CodePage code in cache.OfFrame(frame).ToArray())
        {
            Drop(code);
        }
    }

    /// <summary>Accounts for a store that the interpreter made to a frame with copies: those that hold the bytes as code are dropped.</summary>
    public void Written(uint frame, int offset, int length)
    {
        ReadOnlySpan<byte> now = pager.FrameBytes(frame);
        foreach (CodePage code in cache.OfFrame(frame).ToArray())
        {
            int end = Math.Min(offset + length, CodePage.Size);
            if (code.HoldsCode(offset, end - offset))
            {
                Invalidate(frame);
                return;
            }

            code.Update(offset, now[offset..end]);
        }
    }

    /// <summary>Drops every patched copy.</summary>
    public void Clear()
    {
        foreach (CodePage code in cache.All.ToArray())
        {
            Drop(code);
        }
    }

    private void Drop(CodePage code)
    {
        frames.CopyMappings(code.Key.Frame, _mappings);
        foreach ((AddressSpace space, uint page) in _mappings)
        {
            ShadowPage shadow = space.Page(page);
            if (shadow.Kind == ShadowKind.Code && shadow.Slot == code.Slot)
            {
                space.Drop(page);
            }
        }

        if (ReferenceEquals(cache.InSlot(code.Slot), code))
        {
            cache.Remove(code);
        }
    }

    /// <summary>User code has reached the page of a kernel's copy: from now on its shims must do without the window's data.</summary>
    public void Share(uint linear)
    {
        if (cpu.TryTranslate(linear, AccessKind.Fetch, false, false, out PageTranslation translation, out _) && translation.Physical >> 12 < frames.Count)
        {
            _ = CopyOf(linear >> 12, translation);
        }
    }

    /// <summary>The copy for a page. Kernels that leave all their pages open to the user, as all are without paging, get kernel shims there,
    /// until a user comes.</summary>
    private CodePage? CopyOf(uint page, in PageTranslation translation)
    {
        if (translation.Physical >> 12 >= frames.Count)
        {
            return null;
        }

        uint frame = (uint)(translation.Physical >> 12);
        if (translation.User && cpu.State.Cpl == 3 && _usedByUsers.Add((frame, page)))
        {
            Invalidate(frame);
        }

        return cache.GetOrAdd(KeyOf(page, translation));
    }

    private CodePageKey KeyOf(uint page, in PageTranslation translation)
    {
        uint frame = (uint)(translation.Physical >> 12);
        return new CodePageKey(frame, page, translation.User && _usedByUsers.Contains((frame, page)));
    }

    private CodePage? Following(AddressSpace space, CodePage code, bool user)
    {
        uint page = code.Key.Page + 1;
        if (!cpu.TryTranslate(page << 12, AccessKind.Fetch, user, false, out PageTranslation translation, out _))
        {
            return null;
        }

        CodePage? following = CopyOf(page, translation);
        if (following is not null)
        {
            Protect(following.Key.Frame);
        }

        return following;
    }

    /// <summary>Where two copies are neighbours in a space, the instruction that reaches from one into the other must have been
    /// completed from that very frame.</summary>
    private void CheckCrossing(AddressSpace space, uint page)
    {
        if (At(space, page << 12) is CodePage code && code.CrossingOffset >= 0 && !code.IsCrossingBlocked
            && space.Page(page + 1) is { Kind: ShadowKind.Code } next && next.Frame != code.CrossingFrame)
        {
            code.IsCrossingBlocked = true;
            code.Hide(code.CrossingOffset, CodePage.Size - code.CrossingOffset);
        }
    }

    /// <summary>A frame that has copies is not writable anywhere.</summary>
    private void Protect(uint frame)
    {
        frames.CopyMappings(frame, _mappings);
        foreach ((AddressSpace space, uint page) in _mappings)
        {
            space.Protect(page);
        }
    }
}
