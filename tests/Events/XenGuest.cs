// The guest's side of Xen's shared structures, as a test plays it on a piece of memory.
using System.Runtime.InteropServices;
using Runtime.Abi.Xen;
using Runtime.Events;
using Runtime.Memory;

namespace Tests.Events;

/// <summary>Memory with a shared page, event channels and a grant table, and the guest's operations on them.</summary>
internal sealed class XenGuest : IDisposable
{
    public const uint SharedFrame = 1, GrantFrame = 2, FirstFreeFrame = 8;
    private int _wakes;

    public XenGuest(uint frames = 256)
    {
        Memory = new GuestMemory((ulong)frames << 12);
        Shared = new SharedInfo(Memory, SharedFrame);
        Events = new EventChannels(Shared, DomainId.FirstGuest, () => Interlocked.Increment(ref _wakes));
        Reservation = new Reservation(Memory);
        Grants = new GrantTable(Memory, Reservation.IsOwned);
        Grants.Place(0, GrantFrame);
    }

    public GuestMemory Memory { get; }

    public SharedInfo Shared { get; }

    public EventChannels Events { get; }

    public Reservation Reservation { get; }

    public GrantTable Grants { get; }

    public int Wakes => Volatile.Read(ref _wakes);

    public uint OpenPort(Action? notified = null)
    {
        Events.OpenToBackend(notified ?? (() => { }), out uint port);
        return port;
    }

    public void Mask(uint port) => Interlocked.Or(ref Shared.Word(SharedInfoLayout.Mask + (int)(port / 32) * 4), 1u << (int)(port % 32));

    public bool IsMasked(uint port) => (Shared.Word(SharedInfoLayout.Mask + (int)(port / 32) * 4) >> (int)(port % 32) & 1) != 0;

    /// <summary>What an upcall handler does: clears the request first, takes the selectors, then each pending bit that is not masked.</summary>
    public List<uint> HandleUpcall()
    {
        Volatile.Write(ref Shared.VcpuByte(SharedInfoLayout.UpcallPending), 0);
        var handled = new List<uint>();
        uint selectors = Interlocked.Exchange(ref Shared.VcpuWord(SharedInfoLayout.PendingSelector), 0);
        for (int word = 0; word < SharedInfoLayout.WordCount; word++)
        {
            if ((selectors >> word & 1) == 0)
            {
                continue;
            }

            ref uint pending = ref Shared.Word(SharedInfoLayout.Pending + word * 4);
            uint ready = Volatile.Read(ref pending) & ~Volatile.Read(ref Shared.Word(SharedInfoLayout.Mask + word * 4));
            for (int bit = 0; bit < 32; bit++)
            {
                if ((ready >> bit & 1) != 0)
                {
                    Interlocked.And(ref pending, ~(1u << bit));
                    handled.Add((uint)(word * 32 + bit));
                }
            }
        }

        return handled;
    }

    public void Grant(uint reference, uint frame, GrantFlags flags = GrantFlags.PermitAccess, ushort domain = DomainId.Control)
        => MemoryMarshal.Write(Entry(reference), new GrantEntry { Flags = flags, Domain = domain, Frame = frame });

    public GrantFlags FlagsOf(uint reference) => MemoryMarshal.Read<GrantEntry>(Entry(reference)).Flags;

    public void Dispose() => Memory.Dispose();

    private Span<byte> Entry(uint reference) => Memory.FrameBytes(GrantFrame).Slice((int)reference * GrantEntry.Length, GrantEntry.Length);
}
