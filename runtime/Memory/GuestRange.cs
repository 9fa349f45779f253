namespace Runtime.Memory;

/// <summary>Successive bytes of guest RAM.</summary>
public readonly record struct GuestRange(GuestPhysicalAddress Address, int Length)
{
    /// <summary>Longer ranges are not joined.</summary>
    public const int Longest = 1 << 24;
}
