// Guest RAM in the form that the framework's scatter-gather calls take: the host's kernel reads and writes it in place.
using System.Buffers;

namespace Runtime.Memory;

/// <summary>A checked range of guest RAM as <see cref="Memory{T}"/>. Valid while the <see cref="GuestMemory"/> is; nothing has to be pinned.</summary>
internal sealed unsafe class GuestMemoryView(byte* start, int length) : MemoryManager<byte>
{
    // SAFETY: GuestMemory.Borrow has checked the range against its mapping, which does not move.
    public override Span<byte> GetSpan() => new(start, length);

    // SAFETY: as above; the framework keeps the index inside.
    public override MemoryHandle Pin(int elementIndex = 0) => new(start + elementIndex);

    public override void Unpin()
    {
    }

    protected override void Dispose(bool disposing)
    {
    }
}
