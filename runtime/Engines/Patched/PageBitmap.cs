using System.Numerics;

namespace Runtime.Engines.Patched;

/// <summary>One bit for each byte of a 4 KiB page.</summary>
internal sealed class PageBitmap
{
    private readonly ulong[] _words = new ulong[64];

    public bool this[int offset] => (_words[offset >> 6] >> (offset & 63) & 1) != 0;

    public void Set(int offset) => _words[offset >> 6] |= 1ul << (offset & 63);

    public void Set(int offset, int length)
    {
        for (int i = 0; i < length; i++)
        {
            Set(offset + i);
        }
    }

    public void Clear(int offset, int length)
    {
        for (int i = offset; i < offset + length; i++)
        {
            _words[i >> 6] &= ~(1ul << (i & 63));
        }
    }

    public bool Any(int offset, int length)
    {
        for (int i = offset; i < offset + length; i++)
        {
            if (this[i])
            {
                return true;
            }
        }

        return false;
    }

    public int Count => _words.Sum(BitOperations.PopCount);
}
