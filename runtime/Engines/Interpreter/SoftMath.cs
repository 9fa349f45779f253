// Exact arithmetic on SoftNumber: every result is computed with enough bits and a sticky bit, then rounded once.
namespace Runtime.Engines.Interpreter;

internal static class SoftMath
{
    /// <summary>Rounds to the environment's format, with overflow, underflow (tininess after rounding) and inexact.</summary>
    public static SoftNumber Round(in SoftNumber value, ref FloatEnvironment e)
    {
        e.RoundedUp = false;
        if (value.Kind != FloatKind.Finite)
        {
            return value.Kind == FloatKind.SignalingNan ? value.Quieted() : value;
        }

        FloatFormat f = e.Format;
        SoftNumber result = RoundAt(value, f.Precision, e.Rounding, out bool inexact, out bool up);
        if (result.Exponent < f.MinExponent)
        {
            if (e.FlushToZero)
            {
                e.Flags |= FloatFlags.Underflow | FloatFlags.Inexact;
                return SoftNumber.Zero(value.Negative);
            }

            result = RoundAt(value, f.Precision - (f.MinExponent - value.Exponent), e.Rounding, out inexact, out up);
            e.Flags |= inexact ? FloatFlags.Underflow : 0;
        }
        else if (result.Exponent > f.MaxExponent)
        {
            e.Flags |= FloatFlags.Overflow | FloatFlags.Inexact;
            bool toInfinity = e.Rounding switch
            {
                Rounding.Nearest => true,
                Rounding.Down => value.Negative,
                Rounding.Up => !value.Negative,
                _ => false,
            };
            e.RoundedUp = toInfinity;
            return toInfinity
                ? SoftNumber.Infinity(value.Negative)
                : SoftNumber.Finite(value.Negative, f.MaxExponent - 127, ~(UInt128)0 << 128 - f.Precision);
        }

        e.Flags |= inexact ? FloatFlags.Inexact : 0;
        e.RoundedUp = up;
        return result;
    }

    /// <summary>Keeps the upper <paramref name="bits"/> bits of the significand; zero or fewer for deep denormals.</summary>
    public static SoftNumber RoundAt(in SoftNumber value, int bits, Rounding rounding, out bool inexact, out bool up)
    {
        if (bits >= 128)
        {
            inexact = up = false;
            return value;
        }

        // Shift down so that the unit of the result is bit 0; what falls out is below the unit.
        int drop = 128 - bits;
        UInt128 kept = drop >= 128 ? 0 : value.Significand >> drop;
        UInt128 lost = drop > 128 ? 1 : drop == 128 ? value.Significand : value.Significand << 128 - drop;
        UInt128 half = (UInt128)1 << 127;
        inexact = lost != 0;
        up = rounding switch
        {
            Rounding.Nearest => lost > half || (lost == half && (kept & 1) != 0),
            Rounding.Down => inexact && value.Negative,
            Rounding.Up => inexact && !value.Negative,
            _ => false,
        };
        return SoftNumber.Finite(value.Negative, value.Exponent - 127 + drop, kept + (up ? 1u : 0));
    }

    public static SoftNumber InvalidOperation(ref FloatEnvironment e)
    {
        e.Flags |= FloatFlags.Invalid;
        return SoftNumber.Indefinite;
    }

    /// <summary>Handles NaNs, unsupported operands and denormal flags. True: <paramref name="result"/> is final.</summary>
    public static bool IsSettled(in SoftNumber a, in SoftNumber b, ref FloatEnvironment e, out SoftNumber result)
    {
        if (a.Kind == FloatKind.Unsupported || b.Kind == FloatKind.Unsupported)
        {
            result = InvalidOperation(ref e);
            return true;
        }

        if (a.IsNan || b.IsNan)
        {
            e.Flags |= a.IsInvalid || b.IsInvalid ? FloatFlags.Invalid : 0;
            result = SelectNan(a, b, e.IsX87);
            return true;
        }

        e.Flags |= a.WasDenormal || b.WasDenormal ? FloatFlags.Denormal : 0;
        result = default;
        return false;
    }

    // SDM vol. 1, table 4-7.
    private static SoftNumber SelectNan(in SoftNumber a, in SoftNumber b, bool x87)
    {
        if (!a.IsNan || !b.IsNan)
        {
            return (a.IsNan ? a : b).Quieted();
        }

        if (!x87)
        {
            return a.Quieted();
        }

        if (a.Kind != b.Kind)
        {
            return a.Kind == FloatKind.QuietNan ? a : b;
        }

        UInt128 left = a.Quieted().Significand, right = b.Quieted().Significand;
        return (left == right ? (a.Negative ? b : a) : left > right ? a : b).Quieted();
    }

    public static SoftNumber Add(SoftNumber a, SoftNumber b, ref FloatEnvironment e)
    {
        if (IsSettled(a, b, ref e, out SoftNumber result))
        {
            return result;
        }

        if (a.Kind == FloatKind.Infinity || b.Kind == FloatKind.Infinity)
        {
            bool opposed = a.Kind == b.Kind && a.Negative != b.Negative;
            return opposed ? InvalidOperation(ref e) : a.Kind == FloatKind.Infinity ? a : b;
        }

        if (a.Kind == FloatKind.Zero && b.Kind == FloatKind.Zero)
        {
            return SoftNumber.Zero(a.Negative == b.Negative ? a.Negative : e.Rounding == Rounding.Down);
        }

        if (a.Kind == FloatKind.Zero || b.Kind == FloatKind.Zero)
        {
            return Round(a.Kind == FloatKind.Zero ? b : a, ref e);
        }

        if (a.Exponent < b.Exponent || (a.Exponent == b.Exponent && a.Significand < b.Significand))
        {
            (a, b) = (b, a);
        }

        // Operands have 64 significant bits: two bits of headroom and 60 below leave room for exact guard and sticky bits.
        UInt128 left = a.Significand >> 2;
        int distance = a.Exponent - b.Exponent;
        UInt128 right = distance < 126 ? b.Significand >> 2 >> distance : 0;
        bool sticky = distance >= 126 || right << distance != b.Significand >> 2;
        UInt128 sum;
        if (a.Negative == b.Negative)
        {
            sum = left + right | (sticky ? 1u : 0);
        }
        else
        {
            sum = left - right - (sticky ? 1u : 0) | (sticky ? 1u : 0);
        }

        return sum == 0
            ? SoftNumber.Zero(e.Rounding == Rounding.Down)
            : Round(SoftNumber.Finite(a.Negative, a.Exponent - 125, sum), ref e);
    }

    public static SoftNumber Subtract(in SoftNumber a, SoftNumber b, ref FloatEnvironment e)
    {
        b.Negative ^= !b.IsNan;
        return Add(a, b, ref e);
    }

    public static SoftNumber Multiply(in SoftNumber a, in SoftNumber b, ref FloatEnvironment e)
    {
        if (IsSettled(a, b, ref e, out SoftNumber result))
        {
            return result;
        }

        bool negative = a.Negative != b.Negative;
        if (a.Kind == FloatKind.Infinity || b.Kind == FloatKind.Infinity)
        {
            return a.Kind == FloatKind.Zero || b.Kind == FloatKind.Zero ? InvalidOperation(ref e) : SoftNumber.Infinity(negative);
        }

        if (a.Kind == FloatKind.Zero || b.Kind == FloatKind.Zero)
        {
            return SoftNumber.Zero(negative);
        }

        UInt128 product = (UInt128)(ulong)(a.Significand >> 64) * (ulong)(b.Significand >> 64);
        return Round(SoftNumber.Finite(negative, a.Exponent + b.Exponent - 126, product), ref e);
    }

    public static SoftNumber Divide(in SoftNumber a, in SoftNumber b, ref FloatEnvironment e)
    {
        uint before = e.Flags;
        if (IsSettled(a, b, ref e, out SoftNumber result))
        {
            return result;
        }

        bool negative = a.Negative != b.Negative;
        if (a.Kind == FloatKind.Infinity)
        {
            return b.Kind == FloatKind.Infinity ? InvalidOperation(ref e) : SoftNumber.Infinity(negative);
        }

        if (b.Kind == FloatKind.Zero)
        {
            if (a.Kind == FloatKind.Zero)
            {
                return InvalidOperation(ref e);
            }

            e.Flags = before | FloatFlags.ZeroDivide;
            return SoftNumber.Infinity(negative);
        }

        if (a.Kind == FloatKind.Zero || b.Kind == FloatKind.Infinity)
        {
            return SoftNumber.Zero(negative);
        }

        UInt128 divisor = b.Significand >> 64;
        (UInt128 high, UInt128 rest) = UInt128.DivRem(a.Significand >> 1, divisor);
        (UInt128 low, rest) = UInt128.DivRem(rest << 60, divisor);
        UInt128 quotient = high << 60 | low;
        return Round(SoftNumber.Finite(negative, a.Exponent - b.Exponent - 124, quotient << 1 | (rest != 0 ? 1u : 0)), ref e);
    }

    public static SoftNumber SquareRoot(in SoftNumber a, ref FloatEnvironment e)
    {
        uint before = e.Flags;
        if (IsSettled(a, a, ref e, out SoftNumber result))
        {
            return result;
        }

        if (a.Kind == FloatKind.Zero || (a.Kind == FloatKind.Infinity && !a.Negative))
        {
            return a;
        }

        if (a.Negative)
        {
            // A negative denormal is invalid, not denormal.
            e.Flags = before;
            return InvalidOperation(ref e);
        }

        // Bit by bit: 68 bits of root from a radicand whose upper 64 bits are the significand.
        bool odd = (a.Exponent & 1) != 0;
        UInt128 radicand = odd ? a.Significand : a.Significand >> 1;
        UInt128 root = 0, rest = 0;
        for (int i = 0; i < 68; i++)
        {
            rest = rest << 2 | radicand >> 126;
            radicand <<= 2;
            UInt128 trial = root << 2 | 1;
            root <<= 1;
            if (rest >= trial)
            {
                rest -= trial;
                root |= 1;
            }
        }

        return Round(SoftNumber.Finite(false, (a.Exponent - (odd ? 1 : 0)) / 2 - 68, root << 1 | (rest != 0 ? 1u : 0)), ref e);
    }

    /// <summary>Rounds to an integral value.</summary>
    public static SoftNumber RoundToIntegral(in SoftNumber a, ref FloatEnvironment e)
    {
        if (IsSettled(a, a, ref e, out SoftNumber result))
        {
            return result;
        }

        e.RoundedUp = false;
        if (a.Kind != FloatKind.Finite || a.Exponent >= 63)
        {
            return a;
        }

        result = RoundAt(a, a.Exponent + 1, e.Rounding, out bool inexact, out e.RoundedUp);
        e.Flags |= inexact ? FloatFlags.Inexact : 0;
        return result;
    }

    /// <summary>To a signed integer of 16, 32 or 64 bits; the integer indefinite with Invalid when it does not fit.</summary>
    public static long ToInteger(in SoftNumber a, int bits, Rounding rounding, ref FloatEnvironment e)
    {
        long indefinite = long.MinValue >> 64 - bits;
        e.RoundedUp = false;
        if (a.Kind == FloatKind.Zero)
        {
            return 0;
        }

        if (a.Kind != FloatKind.Finite || a.Exponent >= 64)
        {
            e.Flags |= FloatFlags.Invalid;
            return indefinite;
        }

        SoftNumber whole = RoundAt(a, a.Exponent + 1, rounding, out bool inexact, out bool up);
        if (whole.Kind == FloatKind.Zero)
        {
            e.Flags |= FloatFlags.Inexact;
            return 0;
        }

        UInt128 magnitude = whole.Exponent >= 64 ? UInt128.MaxValue : whole.Significand >> 127 - whole.Exponent;
        UInt128 limit = ((UInt128)1 << bits - 1) - (a.Negative ? 0u : 1);
        if (magnitude > limit)
        {
            e.Flags |= FloatFlags.Invalid;
            return indefinite;
        }

        e.Flags |= inexact ? FloatFlags.Inexact : 0;
        e.RoundedUp = up;
        return a.Negative ? -(long)(ulong)magnitude : (long)(ulong)magnitude;
    }

    /// <summary>-1, 0 or 1; null when unordered.</summary>
    /// <param name="quietNanIsInvalid">COMIS and FCOM: yes; UCOMIS and FUCOM: no.</param>
    public static int? Compare(in SoftNumber a, in SoftNumber b, bool quietNanIsInvalid, ref FloatEnvironment e)
    {
        if (a.Kind >= FloatKind.QuietNan || b.Kind >= FloatKind.QuietNan)
        {
            e.Flags |= quietNanIsInvalid || a.IsInvalid || b.IsInvalid ? FloatFlags.Invalid : 0;
            return null;
        }

        e.Flags |= a.WasDenormal || b.WasDenormal ? FloatFlags.Denormal : 0;
        if (a.Kind == FloatKind.Zero && b.Kind == FloatKind.Zero)
        {
            return 0;
        }

        int signA = a.Kind == FloatKind.Zero ? 0 : a.Negative ? -1 : 1;
        int signB = b.Kind == FloatKind.Zero ? 0 : b.Negative ? -1 : 1;
        return signA != signB ? Math.Sign(signA - signB) : signA * CompareMagnitude(a, b);
    }

    private static int CompareMagnitude(in SoftNumber a, in SoftNumber b)
        => a.Kind != b.Kind ? (a.Kind == FloatKind.Infinity ? 1 : -1)
            : a.Kind == FloatKind.Infinity ? 0
            : a.Exponent != b.Exponent ? Math.Sign(a.Exponent - b.Exponent)
            : a.Significand.CompareTo(b.Significand);
}
