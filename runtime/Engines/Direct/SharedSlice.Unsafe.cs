using System.Buffers;

namespace Runtime.Engines.Direct;

/// <summary>A range of a shared file as <see cref="Memory{T}"/>.</summary>
internal sealed unsafe class SharedSlice(SharedFile file, long offset, int length) : MemoryManager<byte>
{
    public override Span<byte> GetSpan() => file.Slice(offset, length);

    // SAFETY: the mapping does not move; the range was checked by GetSpan's callers against the file.
    public override MemoryHandle Pin(int elementIndex = 0) => new(file.Address + offset + elementIndex);

    public override void Unpin()
    {
    }

    protected override void Dispose(bool disposing)
    {
    }
}
