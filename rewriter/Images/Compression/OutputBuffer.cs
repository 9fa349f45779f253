namespace Rewriter.Images.Compression;

/// <summary>The growing output of a decoder, which is also its dictionary. Bounded: growing past the limit is a
/// <see cref="BadImageException"/>.</summary>
public sealed class OutputBuffer(int maximumSize, string what, long offset, int expectedSize = 0)
{
    byte[] _bytes = new byte[Math.Clamp(expectedSize, 4096, Math.Min(maximumSize, 64 << 20))];

    public int Length { get; private set; }

    /// <summary>The bytes so far. Not valid after the next <see cref="Reserve"/>.</summary>
    public Span<byte> Written => _bytes.AsSpan(0, Length);

    /// <summary>Makes room for <paramref name="count"/> more bytes and returns the array that has it, starting at
    /// <see cref="Length"/>.</summary>
    public byte[] Reserve(int count)
    {
        if (count > maximumSize - Length)
        {
            throw new BadImageException($"{what} unpacks to more than {maximumSize} bytes", offset);
        }

        if (count > _bytes.Length - Length)
        {
            Array.Resize(ref _bytes, (int)Math.Min(maximumSize, Math.Max((long)_bytes.Length * 2, (long)Length + count)));
        }

        return _bytes;
    }

    /// <summary>Says that a writer filled <paramref name="count"/> bytes of what it reserved.</summary>
    public void Commit(int count) => Length += count;

    public void Append(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(Reserve(bytes.Length).AsSpan(Length));
        Length += bytes.Length;
    }

    /// <summary>Appends <paramref name="length"/> bytes from <paramref name="distance"/> back, one after the other where they overlap.
    /// The caller has checked the distance.</summary>
    public void Repeat(int distance, int length)
    {
        byte[] bytes = Reserve(length);
        int to = Length;
        if (distance >= length)
        {
            Array.Copy(bytes, to - distance, bytes, to, length);
        }
        else
        {
            for (int i = 0; i < length; i++)
            {
                bytes[to + i] = bytes[to + i - distance];
            }
        }

        Length += length;
    }

    public byte[] ToArray() => Length == _bytes.Length ? _bytes : Written.ToArray();
}
