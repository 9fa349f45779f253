namespace Runtime.Network.User;

/// <summary>Bytes that a guest has not acknowledged yet, in the pieces in which they came. Pieces are never changed or used again, so frames can
/// refer to them for as long as they like.</summary>
internal sealed class SendQueue
{
    private readonly LinkedList<ReadOnlyMemory<byte>> _pieces = [];

    /// <summary>Bytes in the queue.</summary>
    public int Length { get; private set; }

    public void Add(ReadOnlyMemory<byte> piece)
    {
        _pieces.AddLast(piece);
        Length += piece.Length;
    }

    /// <summary>Drops bytes from the front.</summary>
    /// <param name="count">At most <see cref="Length"/>.</param>
    public void Drop(int count)
    {
        Length -= count;
        while (count > 0)
        {
            ReadOnlyMemory<byte> first = _pieces.First!.Value;
            if (first.Length > count)
            {
                _pieces.First.Value = first[count..];
                return;
            }

            count -= first.Length;
            _pieces.RemoveFirst();
        }
    }

    /// <summary>The pieces of a range, behind <paramref name="header"/>.</summary>
    public ReadOnlyMemory<byte>[] Slice(ReadOnlyMemory<byte> header, int offset, int count)
    {
        List<ReadOnlyMemory<byte>> found = [header];
        foreach (ReadOnlyMemory<byte> piece in _pieces)
        {
            if (count == 0)
            {
                break;
            }

            if (offset >= piece.Length)
            {
                offset -= piece.Length;
                continue;
            }

            int part = Math.Min(piece.Length - offset, count);
            found.Add(piece.Slice(offset, part));
            count -= part;
            offset = 0;
        }

        return [.. found];
    }
}
