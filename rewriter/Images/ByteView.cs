// Every read of an untrusted file goes through here: one place where offsets and lengths are checked.
using System.Buffers.Binary;

namespace Rewriter.Images;

/// <summary>
/// A bounds-checked little-endian view of file bytes. Each read names what it reads; one that leaves the file throws
/// <see cref="BadImageException"/> with that name and the file offset.
/// </summary>
/// <param name="Origin">File offset of the first byte, added to offsets in messages.</param>
public readonly record struct ByteView(ReadOnlyMemory<byte> Bytes, long Origin = 0)
{
    public long Length => Bytes.Length;

    public bool Has(long offset, long length) => length >= 0 && offset >= 0 && offset <= Length && length <= Length - offset;

    public ByteView Slice(long offset, long length, string what)
    {
        Require(offset, length, what);
        return new ByteView(Bytes.Slice((int)offset, (int)length), Origin + offset);
    }

    /// <summary>A table of <paramref name="count"/> entries; the product is checked.</summary>
    public ByteView Table(long offset, long count, int entrySize, string what)
    {
        if (count < 0 || count > Length / entrySize)
        {
            throw new BadImageException($"{what} claims {count} entries, more than the file can hold", Origin + offset);
        }

        return Slice(offset, count * entrySize, what);
    }

    public byte U8(long offset, string what) => Span(offset, 1, what)[0];
    public ushort U16(long offset, string what) => BinaryPrimitives.ReadUInt16LittleEndian(Span(offset, 2, what));
    public uint U32(long offset, string what) => BinaryPrimitives.ReadUInt32LittleEndian(Span(offset, 4, what));
    public ulong U64(long offset, string what) => BinaryPrimitives.ReadUInt64LittleEndian(Span(offset, 8, what));

    public ReadOnlySpan<byte> Span(long offset, long length, string what)
    {
        Require(offset, length, what);
        return Bytes.Span.Slice((int)offset, (int)length);
    }

    void Require(long offset, long length, string what)
    {
        if (!Has(offset, length))
        {
            throw new BadImageException($"{what} lies outside the file ({Length} bytes)", Origin + offset);
        }
    }
}
