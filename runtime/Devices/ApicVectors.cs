using System.Numerics;

namespace Runtime.Devices;

/// <summary>256 bits, one for each vector: the shape of a local APIC's ISR, TMR and IRR (SDM vol. 3, 11.8.4).</summary>
internal sealed class ApicVectors
{
    private readonly uint[] _words = new uint[8];

    /// <summary>The highest vector that is set, or -1.</summary>
    public int Highest
    {
        get
        {
            int word = Array.FindLastIndex(_words, bits => bits != 0);
            return word < 0 ? -1 : (32 * word) + BitOperations.Log2(_words[word]);
        }
    }

    /// <param name="index">0 for vectors 0 to 31, and so on.</param>
    public uint Word(int index) => _words[index];

    public bool Has(int vector) => (_words[vector / 32] >> vector % 32 & 1) != 0;

    public void Set(int vector) => _words[vector / 32] |= 1u << vector % 32;

    public void Clear(int vector) => _words[vector / 32] &= ~(1u << vector % 32);

    public void ClearAll() => Array.Clear(_words);
}
