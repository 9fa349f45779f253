// Rounding and exception state that floating-point operations run under, x87 and SSE alike.
namespace Runtime.Engines.Interpreter;

/// <summary>Exception flags, at the same places in the x87 status word and in MXCSR (SDM vol. 1, 8.1.3 and 10.2.3).</summary>
internal static class FloatFlags
{
    public const uint Invalid = 1, Denormal = 2, ZeroDivide = 4, Overflow = 8, Underflow = 16, Inexact = 32, All = 63;
}

/// <summary>Rounding control, as encoded.</summary>
internal enum Rounding
{
    Nearest,
    Down,
    Up,
    Zero,
}

/// <summary>A binary format: significand bits, integer bit included, and the range of exponents of normal numbers.</summary>
internal readonly record struct FloatFormat(int Precision, int MinExponent, int MaxExponent)
{
    public static readonly FloatFormat Single = new(24, -126, 127);
    public static readonly FloatFormat Double = new(53, -1022, 1023);
    public static readonly FloatFormat Extended = new(64, -16382, 16383);
}

/// <summary>Passed by reference through an operation; collects its flags.</summary>
internal struct FloatEnvironment
{
    public Rounding Rounding;
    public FloatFormat Format;

    /// <summary>NaN selection: x87 takes the larger significand, SSE the first operand (SDM vol. 1, table 4-7).</summary>
    public bool IsX87;
    public uint Flags;

    /// <summary>The last rounding went away from zero: C1.</summary>
    public bool RoundedUp;

    /// <summary>MXCSR.FTZ with underflow masked: a tiny result becomes zero.</summary>
    public bool FlushToZero;
}
