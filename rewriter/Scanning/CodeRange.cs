namespace Rewriter.Scanning;

/// <summary>Consecutive bytes at linked virtual addresses: from <paramref name="Start"/> up to, not including,
/// <paramref name="End"/>.</summary>
public readonly record struct CodeRange(ulong Start, ulong End)
{
    public int Length => checked((int)(End - Start));

    public bool Contains(ulong address) => address >= Start && address < End;

    public bool Overlaps(ulong start, ulong end) => start < End && Start < end;
}
