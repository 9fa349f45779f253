// x87 partial remainder, scaling, extraction (SDM vol. 1, 8.3.5): exact.
namespace Runtime.Engines.Interpreter;

public sealed partial class Cpu
{
    /// <summary>FPREM and FPREM1, exact; C0 C3 C1 get the low bits of the quotient, C2 says that the reduction is not complete.</summary>
    private bool PartialRemainder(DecodedInstruction d, Rounding rounding)
    {
        if (!BeginX87(d))
        {
            return false;
        }

        if (IsEmpty(0) || IsEmpty(1))
        {
            if (StackFaultX87(false))
            {
                SetStack(0, IndefiniteX87);
                FpuStatus &= unchecked((ushort)~StatusC2);
            }

            return true;
        }

        SoftNumber a = SoftNumber.FromExtended(GetStack(0)), b = SoftNumber.FromExtended(GetStack(1));
        FloatEnvironment e = X87Environment(false);
        ulong quotient = 0;
        bool divided = true;
        bool partial = false;
        if (SoftMath.IsSettled(a, b, ref e, out SoftNumber result))
        {
            divided = false;
        }
        else
        {
            if (a.Kind == FloatKind.Infinity || b.Kind == FloatKind.Zero)
            {
                e.Flags = 0; // an invalid operation outranks a denormal operand (SDM vol. 1, 4.9.2)
                result = SoftMath.InvalidOperation(ref e);
                divided = false;
            }
            else if (a.Kind == FloatKind.Zero || b.Kind == FloatKind.Infinity)
            {
                result = a;
            }
            else
            {
                result = Remainder(a, b, rounding, out quotient, out partial);
            }
        }

        if (CommitX87(e))
        {
            SetStack(0, SoftMath.Round(result, ref e).ToExtended());
            int codes = !divided ? FpuStatus & (StatusC3 | StatusC0)
                : partial ? StatusC2
                : ((quotient & 4) != 0 ? StatusC0 : 0) | ((quotient & 2) != 0 ? StatusC3 : 0) | ((quotient & 1) != 0 ? StatusC1 : 0);
            FpuStatus = (ushort)(FpuStatus & ~(StatusC3 | StatusC2 | StatusC1 | StatusC0) | codes);
        }

        return true;
    }

    private static SoftNumber Remainder(in SoftNumber a, in SoftNumber b, Rounding rounding, out ulong quotient, out bool partial)
    {
        quotient = 0;
        partial = false;
        int distance = a.Exponent - b.Exponent;
        if (distance < (rounding == Rounding.Nearest ? -1 : 0))
        {
            return a;
        }

        // At most 63 bits of quotient at a time (SDM vol. 2, FPREM).
        int steps = distance;
        if (distance >= 64)
        {
            partial = true;
            steps = 32 + distance % 32;
        }

        UInt128 rest = a.Significand >> 64;
        UInt128 divisor = b.Significand >> 64;
        int exponent = a.Exponent - 63;
        if (distance < 0)
        {
            divisor <<= 1;
        }

        for (int i = 0; i <= steps; i++)
        {
            quotient <<= 1;
            if (rest >= divisor)
            {
                rest -= divisor;
                quotient |= 1;
            }

            if (i < steps)
            {
                rest <<= 1;
                exponent--;
            }
        }

        bool negative = a.Negative;
        if (!partial && rounding == Rounding.Nearest)
        {
            UInt128 twice = rest << 1;
            if (twice > divisor || (twice == divisor && (quotient & 1) != 0))
            {
                rest = divisor - rest;
                quotient++;
                negative = !negative;
            }
        }

        return rest == 0 ? SoftNumber.Zero(a.Negative) : SoftNumber.Finite(negative, exponent, rest);
    }

    private bool Scale(DecodedInstruction d)
    {
        if (!BeginX87(d))
        {
            return false;
        }

        if (IsEmpty(0) || IsEmpty(1))
        {
            if (StackFaultX87(false))
            {
                SetStack(0, IndefiniteX87);
            }

            return true;
        }

        SoftNumber a = SoftNumber.FromExtended(GetStack(0)), b = SoftNumber.FromExtended(GetStack(1));
        FloatEnvironment e = X87Environment(false);
        if (!SoftMath.IsSettled(a, b, ref e, out SoftNumber result))
        {
            result = ScaleBy(a, b, ref e);
        }

        if (CommitX87(e))
        {
            SetStack(0, result.ToExtended());
        }

        return true;
    }

    private static SoftNumber ScaleBy(SoftNumber a, in SoftNumber b, ref FloatEnvironment e)
    {
        if (b.Kind == FloatKind.Infinity)
        {
            bool undefined = b.Negative ? a.Kind == FloatKind.Infinity : a.Kind == FloatKind.Zero;
            return undefined ? SoftMath.InvalidOperation(ref e) : b.Negative ? SoftNumber.Zero(a.Negative) : SoftNumber.Infinity(a.Negative);
        }

        if (a.Kind != FloatKind.Finite || b.Kind == FloatKind.Zero)
        {
            return a;
        }

        var ignored = new FloatEnvironment();
        long by = b.Exponent > 20 ? (b.Negative ? -100_000 : 100_000) : SoftMath.ToInteger(b, 32, Rounding.Zero, ref ignored);
        a.Exponent += (int)Math.Clamp(by, -100_000, 100_000);
        return SoftMath.Round(a, ref e);
    }

    private bool Extract(DecodedInstruction d)
    {
        if (!BeginX87(d))
        {
            return false;
        }

        if (!HasStack(0, out bool masked))
        {
            if (masked)
            {
                SetStack(0, IndefiniteX87);
                TurnStack(-1);
                SetStack(0, IndefiniteX87);
            }

            return true;
        }

        SoftNumber a = SoftNumber.FromExtended(GetStack(0));
        FloatEnvironment e = X87Environment(false);
        SoftNumber exponent, significand;
        if (SoftMath.IsSettled(a, a, ref e, out SoftNumber settled))
        {
            exponent = significand = settled;
        }
        else if (a.Kind == FloatKind.Zero)
        {
            e.Flags |= FloatFlags.ZeroDivide;
            exponent = SoftNumber.Infinity(true);
            significand = a;
        }
        else if (a.Kind == FloatKind.Infinity)
        {
            exponent = SoftNumber.Infinity(false);
            significand = a;
        }
        else
        {
            exponent = SoftNumber.FromInteger(a.Exponent);
            significand = a;
            significand.Exponent = 0;
        }

        if (!IsEmpty(7))
        {
            if (StackFaultX87(true))
            {
                SetStack(0, IndefiniteX87);
                TurnStack(-1);
                SetStack(0, IndefiniteX87);
            }
        }
        else if (CommitX87(e))
        {
            SetStack(0, exponent.ToExtended());
            PushX87(significand.ToExtended());
        }

        return true;
    }
}
