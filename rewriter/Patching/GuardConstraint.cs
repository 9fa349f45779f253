// Which values the four displacement bytes of a jump may take, and the search for the next displacement that obeys.
namespace Rewriter.Patching;

/// <summary>What one displacement byte has to be.</summary>
public enum GuardKind : byte
{
    /// <summary>No instruction started there: any value.</summary>
    Any,

    /// <summary>One of <see cref="GuardBytes.All"/>.</summary>
    Guard,

    /// <summary>One of <see cref="GuardBytes.OneByte"/>.</summary>
    GuardOfOneByte,

    /// <summary><see cref="GuardBytes.Undefined"/>, the byte behind the displacement being <see cref="GuardBytes.Cli"/>: the only guard
    /// for the highest byte of a short backward distance.</summary>
    Undefined,
}

/// <summary>The constraint on a 32-bit displacement, one <see cref="GuardKind"/> per byte, least significant first.</summary>
public readonly record struct GuardConstraint(GuardKind Byte0, GuardKind Byte1, GuardKind Byte2, GuardKind Byte3)
{
    public static GuardConstraint None => default;

    public bool IsNone => this == default;

    /// <summary>The constraint with byte <paramref name="index"/> (0 to 3) set to <paramref name="kind"/>.</summary>
    public GuardConstraint With(int index, GuardKind kind) => index switch
    {
        0 => this with { Byte0 = kind },
        1 => this with { Byte1 = kind },
        2 => this with { Byte2 = kind },
        3 => this with { Byte3 = kind },
        _ => throw new ArgumentOutOfRangeException(nameof(index)),
    };

    /// <summary>The smallest displacement that obeys and is not below <paramref name="value"/>.</summary>
    public bool TryCeiling(uint value, out uint displacement) => TryCeiling(3, value, out displacement);

    public bool Allows(uint displacement) => TryCeiling(displacement, out uint ceiling) && ceiling == displacement;

    private GuardKind this[int index] => index switch { 0 => Byte0, 1 => Byte1, 2 => Byte2, _ => Byte3 };

    // Solves bytes index..0; the bytes above are the caller's.
    private bool TryCeiling(int index, uint value, out uint displacement)
    {
        displacement = 0;
        if (index < 0)
            return true;

        int digit = (int)(value >> 8 * index) & 0xFF;
        if (!TryDigit(this[index], digit, out int choice))
            return false;

        if (choice == digit)
        {
            if (TryCeiling(index - 1, value, out uint below))
            {
                displacement = (uint)choice << 8 * index | below;
                return true;
            }

            if (!TryDigit(this[index], digit + 1, out choice))
                return false;
        }

        TryCeiling(index - 1, 0, out uint lowest);
        displacement = (uint)choice << 8 * index | lowest;
        return true;
    }

    private static bool TryDigit(GuardKind kind, int minimum, out int digit)
    {
        digit = minimum;
        if (kind == GuardKind.Any)
            return minimum <= 0xFF;
        if (kind == GuardKind.Undefined)
        {
            digit = GuardBytes.Undefined;
            return minimum <= digit;
        }

        foreach (byte value in kind == GuardKind.Guard ? GuardBytes.All : GuardBytes.OneByte)
        {
            if (value >= minimum)
            {
                digit = value;
                return true;
            }
        }

        return false;
    }
}
