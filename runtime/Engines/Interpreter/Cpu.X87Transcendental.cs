// x87 transcendental instructions (SDM vol. 1, 8.3.7 to 8.3.10), computed in double precision: hardware is good to the last of 64
// bits, this to the last of 53.
using Iced.Intel;

namespace Runtime.Engines.Interpreter;

public sealed partial class Cpu
{
    private void RegisterX87Transcendental()
    {
        _handlers.On(Mnemonic.F2xm1, d => Transcendental(d, x => Math.Abs(x) < 1e-5 ? x * Math.Log(2) * (1 + x * Math.Log(2) / 2) : Math.Pow(2, x) - 1));
        _handlers.On(Mnemonic.Fsin, d => Trigonometric(d, 1, x => (Math.Sin(x), 0)));
        _handlers.On(Mnemonic.Fcos, d => Trigonometric(d, 1, x => (Math.Cos(x), 0)));
        _handlers.On(Mnemonic.Fsincos, d => Trigonometric(d, 2, x => (Math.Sin(x), Math.Cos(x))));
        _handlers.On(Mnemonic.Fptan, d => Trigonometric(d, 2, x => (Math.Tan(x), 1)));
        _handlers.On(Mnemonic.Fpatan, d => TranscendentalPop(d, (x, y) => Math.Atan2(y, x)));
        _handlers.On(Mnemonic.Fyl2x, d => TranscendentalPop(d, (x, y) => x < 0 ? double.NaN : y * Math.Log2(x)));
        _handlers.On(Mnemonic.Fyl2xp1, d => TranscendentalPop(d, (x, y) => y * LogOnePlus(x) / Math.Log(2)));
        _handlers.On(Mnemonic.Fprem, d => PartialRemainder(d, Rounding.Zero));
        _handlers.On(Mnemonic.Fprem1, d => PartialRemainder(d, Rounding.Nearest));
        _handlers.On(Mnemonic.Fscale, Scale);
        _handlers.On(Mnemonic.Fxtract, Extract);
    }

    private static double LogOnePlus(double x)
    {
        double u = 1 + x;
        return u == 1 ? x : Math.Log(u) * x / (u - 1);
    }

    private bool Transcendental(DecodedInstruction d, Func<double, double> function)
        => UnaryX87(d, (in SoftNumber a, ref FloatEnvironment e) =>
        {
            if (SoftMath.IsSettled(a, a, ref e, out SoftNumber settled))
            {
                return settled;
            }

            if (a.Kind == FloatKind.Zero)
            {
                return a;
            }

            e.Flags |= FloatFlags.Inexact;
            return SoftNumber.FromExtended(Float80.FromDouble(function(a.ToExtended().ToDouble())));
        });

    private bool Trigonometric(DecodedInstruction d, int results, Func<double, (double First, double Second)> function)
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
                if (results == 2)
                {
                    TurnStack(-1);
                    SetStack(0, IndefiniteX87);
                }
            }

            return true;
        }

        SoftNumber a = SoftNumber.FromExtended(GetStack(0));
        FloatEnvironment e = X87Environment();

        // Out of range: C2 says that the operand was not reduced.
        if (a.Kind == FloatKind.Finite && a.Exponent >= 63)
        {
            FpuStatus = (ushort)(FpuStatus & ~StatusC1 | StatusC2);
            return true;
        }

        FpuStatus &= unchecked((ushort)~StatusC2);
        Float80 first, second;
        if (SoftMath.IsSettled(a, a, ref e, out SoftNumber settled))
        {
            first = second = settled.ToExtended();
        }
        else if (a.Kind == FloatKind.Infinity)
        {
            first = second = SoftMath.InvalidOperation(ref e).ToExtended();
        }
        else
        {
            (double x, double y) = function(a.ToExtended().ToDouble());
            first = Float80.FromDouble(x);
            second = Float80.FromDouble(y);
            e.Flags |= a.Kind == FloatKind.Zero ? 0 : FloatFlags.Inexact;
        }

        if (CommitX87(e))
        {
            SetStack(0, first);
            if (results == 2)
            {
                PushX87(second);
            }
        }

        return true;
    }

    /// <summary>ST(1) = f(ST(0), ST(1)), then pop.</summary>
    private bool TranscendentalPop(DecodedInstruction d, Func<double, double, double> function)
    {
        if (!BeginX87(d))
        {
            return false;
        }

        if (IsEmpty(0) || IsEmpty(1))
        {
            if (StackFaultX87(false))
            {
                SetStack(1, IndefiniteX87);
                PopX87();
            }

            return true;
        }

        SoftNumber x = SoftNumber.FromExtended(GetStack(0)), y = SoftNumber.FromExtended(GetStack(1));
        FloatEnvironment e = X87Environment();
        if (!SoftMath.IsSettled(x, y, ref e, out SoftNumber result))
        {
            double value = function(x.ToExtended().ToDouble(), y.ToExtended().ToDouble());
            result = double.IsNaN(value) ? SoftMath.InvalidOperation(ref e) : SoftNumber.FromExtended(Float80.FromDouble(value));
            bool divides = double.IsInfinity(value) && x.Kind == FloatKind.Zero;
            e.Flags |= divides ? FloatFlags.ZeroDivide : result.Kind == FloatKind.Finite ? FloatFlags.Inexact : 0;
        }

        if (CommitX87(e))
        {
            SetStack(1, result.ToExtended());
            PopX87();
        }

        return true;
    }
}
