using Rewriter.Images;

namespace Runtime.Loading;

/// <summary>Guest-physical memory while a kernel is being loaded: what is taken, and where something more can go.</summary>
/// <param name="length">Bytes of RAM.</param>
public sealed class BootSpace(ulong length)
{
    private readonly List<(ulong Start, ulong End)> _taken = [(0, 0x1000), (MachineLayout.ExtendedBiosDataArea, MachineLayout.ExtendedMemory)];

    /// <summary>Takes a range that has its place. Taking what is taken is the caller's affair.</summary>
    public void Take(ulong start, ulong size) => _taken.Add((start, start + size));

    /// <summary>Takes the lowest free place at or above <paramref name="from"/>.</summary>
    /// <param name="alignment">A power of two.</param>
    /// <exception cref="BadImageException">There is none; says how much memory is missing for <paramref name="what"/>.</exception>
    public uint Place(ulong size, ulong from, ulong alignment, string what)
    {
        ulong start = Align(from, alignment);
        bool moved = true;
        while (moved)
        {
            moved = false;
            foreach ((ulong takenStart, ulong takenEnd) in _taken)
            {
                if (start < takenEnd && takenStart < start + Math.Max(size, 1))
                {
                    start = Align(takenEnd, alignment);
                    moved = true;
                }
            }
        }

        if (start + size > length)
        {
            throw new BadImageException(TooSmall(what, start + size, length));
        }

        Take(start, size);
        return (uint)start;
    }

    /// <summary>The line that says how much memory a guest needs.</summary>
    public static string TooSmall(string what, ulong needed, ulong length)
        => $"too little memory: {what} needs {Align(needed, 1 << 20) >> 20} MiB, the machine has {length >> 20} MiB";

    private static ulong Align(ulong value, ulong alignment) => value + alignment - 1 & ~(alignment - 1);
}
