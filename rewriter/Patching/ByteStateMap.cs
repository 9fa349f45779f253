// What the plan so far has done to each byte, so that no two patches ever claim the same one.
namespace Rewriter.Patching;

/// <summary>The state of one byte of guest code under a plan.</summary>
public enum ByteState : byte
{
    Untouched,

    /// <summary>Holds a part of a patch that nothing may jump to: no instruction started there.</summary>
    Overwritten,

    /// <summary>An instruction started there, and the new byte traps.</summary>
    Guard,

    /// <summary>Holds a trap behind a jump, where nothing may be jumped to: free for another jump.</summary>
    Tail,

    /// <summary>First byte of a range: leads to the trampoline, or is the trap itself.</summary>
    Entry,
}

/// <summary>A sparse map from address to <see cref="ByteState"/>.</summary>
public sealed class ByteStateMap
{
    private const int PageSize = 4096;
    private readonly Dictionary<uint, ByteState[]> _pages = [];

    public ByteState this[uint address]
    {
        get => _pages.TryGetValue(address / PageSize, out ByteState[]? page) ? page[address % PageSize] : ByteState.Untouched;
        set
        {
            if (!_pages.TryGetValue(address / PageSize, out ByteState[]? page))
                _pages.Add(address / PageSize, page = new ByteState[PageSize]);
            page[address % PageSize] = value;
        }
    }

    public bool IsUntouched(uint address, int length) => Is(ByteState.Untouched, address, length);

    /// <summary>Whether all of the bytes are in a state.</summary>
    public bool Is(ByteState state, uint address, int length)
    {
        for (int i = 0; i < length; i++)
        {
            if (this[address + (uint)i] != state)
                return false;
        }

        return true;
    }
}
