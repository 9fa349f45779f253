// A floating-point datum taken apart, of whatever format it came from; packing and unpacking.
using System.Numerics;

namespace Runtime.Engines.Interpreter;

internal enum FloatKind : byte
{
    Zero,
    Finite,
    Infinity,
    QuietNan,
    SignalingNan,

    /// <summary>An 80-bit pattern that no processor since the 387 accepts (SDM vol. 1, 8.2.2).</summary>
    Unsupported,
}

/// <summary>Value of a finite number: Significand / 2^127 * 2^Exponent, with bit 127 set. A NaN keeps its payload left-aligned.</summary>
internal struct SoftNumber
{
    public FloatKind Kind;
    public bool Negative;
    public int Exponent;
    public UInt128 Significand;

    /// <summary>It was stored denormal.</summary>
    public bool WasDenormal;

    private const ulong TopBit = 1ul << 63;

    public readonly bool IsNan => Kind is FloatKind.QuietNan or FloatKind.SignalingNan;

    public readonly bool IsInvalid => Kind is FloatKind.SignalingNan or FloatKind.Unsupported;

    /// <summary>The real indefinite: the quiet NaN that masked invalid operations give.</summary>
    public static SoftNumber Indefinite => new() { Kind = FloatKind.QuietNan, Negative = true, Significand = (UInt128)3 << 126 };

    public static SoftNumber Zero(bool negative) => new() { Kind = FloatKind.Zero, Negative = negative };

    public static SoftNumber Infinity(bool negative) => new() { Kind = FloatKind.Infinity, Negative = negative };

    /// <summary>significand * 2^exponent, normalized.</summary>
    public static SoftNumber Finite(bool negative, int exponent, UInt128 significand)
    {
        if (significand == 0)
        {
            return Zero(negative);
        }

        int shift = (int)UInt128.LeadingZeroCount(significand);
        return new SoftNumber { Kind = FloatKind.Finite, Negative = negative, Exponent = exponent + 127 - shift, Significand = significand << shift };
    }

    public static SoftNumber FromInteger(long value)
        => Finite(value < 0, 0, value < 0 ? (UInt128)(ulong)-(value + 1) + 1 : (UInt128)(ulong)value);

    public static SoftNumber FromExtended(Float80 value)
    {
        bool negative = value.SignExponent >> 15 != 0;
        int exponent = value.SignExponent & 0x7FFF;
        ulong significand = value.Significand;
        if (exponent == 0x7FFF)
        {
            if ((significand & TopBit) == 0)
            {
                return new SoftNumber { Kind = FloatKind.Unsupported, Negative = negative };
            }

            return significand << 1 == 0 ? Infinity(negative) : Nan(negative, (UInt128)significand << 64);
        }

        if (exponent == 0)
        {
            SoftNumber tiny = Finite(negative, -16382 - 63, significand);
            tiny.WasDenormal = significand != 0;
            return tiny;
        }

        return (significand & TopBit) == 0
            ? new SoftNumber { Kind = FloatKind.Unsupported, Negative = negative }
            : new SoftNumber { Kind = FloatKind.Finite, Negative = negative, Exponent = exponent - 16383, Significand = (UInt128)significand << 64 };
    }

    public static SoftNumber FromDouble(ulong bits) => FromIeee(bits, 52, 0x7FF, FloatFormat.Double, bits >> 63 != 0);

    public static SoftNumber FromSingle(uint bits) => FromIeee(bits, 23, 0xFF, FloatFormat.Single, bits >> 31 != 0);

    private static SoftNumber FromIeee(ulong bits, int fractionBits, int maxExponent, FloatFormat format, bool negative)
    {
        ulong fraction = bits & (1ul << fractionBits) - 1;
        int exponent = (int)(bits >> fractionBits) & maxExponent;
        if (exponent == maxExponent)
        {
            return fraction == 0
                ? Infinity(negative)
                : Nan(negative, (UInt128)1 << 127 | (UInt128)fraction << 127 - fractionBits);
        }

        if (exponent == 0)
        {
            SoftNumber tiny = Finite(negative, format.MinExponent - fractionBits, fraction);
            tiny.WasDenormal = fraction != 0;
            return tiny;
        }

        return new SoftNumber
        {
            Kind = FloatKind.Finite,
            Negative = negative,
            Exponent = exponent - format.MaxExponent,
            Significand = (UInt128)(fraction | 1ul << fractionBits) << 127 - fractionBits,
        };
    }

    private static SoftNumber Nan(bool negative, UInt128 significand) => new()
    {
        Kind = (significand >> 126 & 1) != 0 ? FloatKind.QuietNan : FloatKind.SignalingNan,
        Negative = negative,
        Significand = significand,
    };

    public readonly SoftNumber Quieted()
    {
        SoftNumber quiet = this;
        quiet.Kind = FloatKind.QuietNan;
        quiet.Significand |= (UInt128)1 << 126;
        return quiet;
    }

    /// <summary>Packs a number that was rounded to <see cref="FloatFormat.Extended"/> or narrower.</summary>
    public readonly Float80 ToExtended()
    {
        var sign = (ushort)(Negative ? 0x8000 : 0);
        switch (Kind)
        {
            case FloatKind.Zero:
                return new Float80(sign, 0);

            case FloatKind.Infinity:
                return new Float80((ushort)(sign | 0x7FFF), TopBit);

            case FloatKind.Finite:
                return Exponent < -16382
                    ? new Float80(sign, (ulong)(Significand >> 64 + (-16382 - Exponent)))
                    : new Float80((ushort)(sign | Exponent + 16383), (ulong)(Significand >> 64));

            default:
                return new Float80((ushort)(sign | 0x7FFF), (ulong)(Significand >> 64));
        }
    }

    public readonly ulong ToDouble() => ToIeee(52, 0x7FF, FloatFormat.Double) | (Negative ? 1ul << 63 : 0);

    public readonly uint ToSingle() => (uint)ToIeee(23, 0xFF, FloatFormat.Single) | (Negative ? 1u << 31 : 0);

    private readonly ulong ToIeee(int fractionBits, int maxExponent, FloatFormat format)
    {
        ulong mask = (1ul << fractionBits) - 1;
        switch (Kind)
        {
            case FloatKind.Zero:
                return 0;

            case FloatKind.Infinity:
                return (ulong)maxExponent << fractionBits;

            case FloatKind.Finite:
                return Exponent < format.MinExponent
                    ? (ulong)(Significand >> 127 - fractionBits + (format.MinExponent - Exponent))
                    : (ulong)(Exponent + format.MaxExponent) << fractionBits | (ulong)(Significand >> 127 - fractionBits) & mask;

            default:
                return (ulong)maxExponent << fractionBits | (ulong)(Significand >> 127 - fractionBits) & mask;
        }
    }
}

/// <summary>Double extended precision as it lies in an x87 register (SDM vol. 1, 8.2).</summary>
internal readonly record struct Float80(ushort SignExponent, ulong Significand)
{
    public Float80 Negated => this with { SignExponent = (ushort)(SignExponent ^ 0x8000) };

    public Float80 Absolute => this with { SignExponent = (ushort)(SignExponent & 0x7FFF) };

    public static Float80 FromDouble(double value) => SoftNumber.FromDouble(BitConverter.DoubleToUInt64Bits(value)).ToExtended();

    /// <summary>To the nearest double, flags forgotten.</summary>
    public double ToDouble()
    {
        var environment = new FloatEnvironment { Format = FloatFormat.Double };
        return BitConverter.UInt64BitsToDouble(SoftMath.Round(SoftNumber.FromExtended(this), ref environment).ToDouble());
    }
}
