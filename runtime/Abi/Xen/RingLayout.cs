namespace Runtime.Abi.Xen;

/// <summary>The header of a shared ring (public/io/ring.h). Producers count up without bounds; a slot is the producer modulo the ring's size, a
/// power of two.</summary>
public static class RingLayout
{
    public const int RequestProducer = 0;
    public const int RequestEvent = 4;
    public const int ResponseProducer = 8;
    public const int ResponseEvent = 12;
    public const int HeaderLength = 64;

    /// <summary>Entries in a ring of so many bytes: the largest power of two that fits.</summary>
    public static uint EntryCount(int ringLength, int entryLength)
        => 1u << System.Numerics.BitOperations.Log2((uint)((ringLength - HeaderLength) / entryLength));
}
