// Grants: which of its pages the guest lets a back end use (public/grant_table.h, version 1). The table lies in guest memory, so an entry is
// copied once, the copy checked, and its use marked by compare-and-exchange: an entry that changed meanwhile is looked at again.
using System.Runtime.InteropServices;
using Runtime.Abi.Xen;
using Runtime.Memory;

namespace Runtime.Events;

/// <summary>The grant table of one guest. Safe from any thread.</summary>
/// <param name="isOwned">Whether a frame is memory that the guest has: in RAM and not given back.</param>
public sealed class GrantTable(GuestMemory memory, Func<uint, bool> isOwned)
{
    /// <summary>Frames the table can grow to: 32,768 grants.</summary>
    public const int MaximumFrames = 64;

    /// <summary>Attempts at an entry that keeps changing under our hands.</summary>
    private const int Patience = 4;

    private readonly Lock _gate = new();
    private readonly uint?[] _frames = new uint?[MaximumFrames];

    // One page can be in all segments of all requests of a ring of 16 pages: more than 16 bits count.
    private readonly int[] _readers = new int[MaximumFrames * GrantEntry.PerFrame];
    private readonly int[] _writers = new int[MaximumFrames * GrantEntry.PerFrame];

    /// <summary>Frames in use.</summary>
    public int FrameCount { get; private set; } = 1;

    /// <summary>Pins that back ends hold at the moment.</summary>
    public int PinCount { get; private set; }

    /// <summary>Makes the table at least so long.</summary>
    public bool TryGrow(int frames)
    {
        using Lock.Scope held = _gate.EnterScope();
        if (frames > MaximumFrames)
        {
            return false;
        }

        FrameCount = Math.Max(FrameCount, frames);
        return true;
    }

    /// <summary>Puts a frame of the table at a frame of guest memory; it takes its contents along from where it was.</summary>
    /// <param name="frame">In guest memory.</param>
    public void Place(int index, uint frame)
    {
        using Lock.Scope held = _gate.EnterScope();
        if (_frames[index] is uint old)
        {
            memory.FrameBytes(old).CopyTo(memory.FrameBytes(frame));
        }
        else
        {
            memory.FrameBytes(frame).Clear();
        }

        _frames[index] = frame;
    }

    /// <summary>Where a frame of the table is; null before the guest has placed it.</summary>
    public uint? FrameAt(int index) => (uint)index < MaximumFrames ? _frames[index] : null;

    /// <summary>Takes a granted page into use for a back end; it stays granted until <see cref="Unpin"/>.</summary>
    /// <param name="write">Whether the back end writes it.</param>
    public GrantStatus TryPin(uint reference, bool write, out uint frame)
    {
        using Lock.Scope held = _gate.EnterScope();
        frame = 0;
        for (int attempt = 0; attempt < Patience; attempt++)
        {
            if (!TryEntry(reference, out ulong address))
            {
                return GrantStatus.BadReference;
            }

            ref uint head = ref Head(address);
            uint before = Volatile.Read(ref head);
            uint claimed = memory.Read32(address + sizeof(uint));
            var flags = (GrantFlags)(before & 0xFFFF);
            if ((flags & GrantFlags.TypeMask) != GrantFlags.PermitAccess || before >> 16 != DomainId.Control)
            {
                return GrantStatus.BadReference;
            }

            if (write && (flags & GrantFlags.ReadOnly) != 0)
            {
                return GrantStatus.PermissionDenied;
            }

            if (!isOwned(claimed))
            {
                return GrantStatus.BadPage;
            }

            uint marks = (uint)(GrantFlags.Reading | (write ? GrantFlags.Writing : 0));
            if (Interlocked.CompareExchange(ref head, before | marks, before) == before)
            {
                frame = claimed;
                PinCount++;
                (write ? _writers : _readers)[reference]++;
                return GrantStatus.Okay;
            }
        }

        return GrantStatus.GeneralError;
    }

    /// <summary>Gives a page back; the marks in its entry go when nobody uses it any more.</summary>
    public void Unpin(uint reference, bool write)
    {
        using Lock.Scope held = _gate.EnterScope();
        PinCount--;
        (write ? _writers : _readers)[reference]--;
        bool isWritten = _writers[reference] != 0, isUsed = isWritten || _readers[reference] != 0;
        uint gone = (uint)((isWritten ? 0 : GrantFlags.Writing) | (isUsed ? 0 : GrantFlags.Reading));
        if (gone != 0 && TryEntry(reference, out ulong address))
        {
            Interlocked.And(ref Head(address), ~gone);
        }
    }

    /// <summary>A back end's half of GNTTABOP_transfer: a page of its own goes to the guest, where the entry says. The guest has given back what was
    /// there. It takes the page for its own when <see cref="EndTransfer"/> has been called.</summary>
    /// <param name="accept">Makes the frame the guest's; false where it cannot take one there.</param>
    /// <param name="frame">Where the page is; empty.</param>
    public GrantStatus TryBeginTransfer(uint reference, Func<uint, bool> accept, out uint frame)
    {
        using Lock.Scope held = _gate.EnterScope();
        frame = 0;
        if (!TryEntry(reference, out ulong address))
        {
            return GrantStatus.BadReference;
        }

        ref uint head = ref Head(address);
        const uint asked = DomainId.Control << 16 | (uint)GrantFlags.AcceptTransfer, committed = asked | (uint)GrantFlags.TransferCommitted;
        if (Interlocked.CompareExchange(ref head, committed, asked) != asked)
        {
            return GrantStatus.BadReference;
        }

        // The guest may no longer change the entry. If it does, this is read once, and checked.
        uint claimed = memory.Read32(address + sizeof(uint));
        if (!accept(claimed))
        {
            Interlocked.And(ref head, ~(uint)GrantFlags.TransferCommitted);
            return GrantStatus.BadPage;
        }

        frame = claimed;
        return GrantStatus.Okay;
    }

    /// <summary>The page holds what the guest is to find in it.</summary>
    public void EndTransfer(uint reference)
    {
        using Lock.Scope held = _gate.EnterScope();
        if (TryEntry(reference, out ulong address))
        {
            Interlocked.Or(ref Head(address), (uint)GrantFlags.TransferCompleted);
        }
    }

    private ref uint Head(ulong address) => ref MemoryMarshal.Cast<byte, uint>(memory.Slice(new GuestPhysicalAddress(address), sizeof(uint)))[0];

    private bool TryEntry(uint reference, out ulong address)
    {
        address = 0;
        uint index = reference / GrantEntry.PerFrame;
        if (index >= (uint)FrameCount || _frames[index] is not uint frame)
        {
            return false;
        }

        address = ((ulong)frame << 12) + reference % GrantEntry.PerFrame * GrantEntry.Length;
        return true;
    }
}
