using System.Runtime.InteropServices;
using Iced.Intel;

namespace Rewriter.Scanning;

/// <summary>Feeds Iced's decoder from a window of memory that can be moved.</summary>
public sealed class MemoryCodeReader : CodeReader
{
    readonly byte[] _bytes;
    readonly int _origin;
    int _position;
    int _end;

    public MemoryCodeReader(ReadOnlyMemory<byte> bytes)
    {
        bool isArray = MemoryMarshal.TryGetArray(bytes, out ArraySegment<byte> segment);
        _bytes = isArray ? segment.Array! : bytes.ToArray();
        _origin = isArray ? segment.Offset : 0;
        _position = _origin;
        _end = _origin + bytes.Length;
    }

    /// <summary>Reads on from an offset, up to but not including another.</summary>
    public void Restart(int offset, int end) => (_position, _end) = (_origin + offset, _origin + end);

    public override int ReadByte() => _position < _end ? _bytes[_position++] : -1;
}
