using Iced.Intel;

namespace Rewriter.Scanning;

/// <summary>Feeds Iced's decoder from memory that need not be an array.</summary>
public sealed class MemoryCodeReader : CodeReader
{
    ReadOnlyMemory<byte> _bytes;
    int _position;
    int _end;

    public MemoryCodeReader(ReadOnlyMemory<byte> bytes, int offset, int length) => Restart(bytes, offset, length);

    /// <summary>Offset of the next byte that will be read.</summary>
    public int Position => _position;

    public void Restart(ReadOnlyMemory<byte> bytes, int offset, int length)
    {
        _bytes = bytes;
        _position = offset;
        _end = offset + length;
    }

    public override int ReadByte() => _position < _end ? _bytes.Span[_position++] : -1;
}
