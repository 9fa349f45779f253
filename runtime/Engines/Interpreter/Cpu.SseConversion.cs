// Conversions between formats (SDM vol. 1, 11.4.1.6). The form is in the mnemonic: what is read, what is written, how many.
using System.Runtime.Intrinsics;
using Iced.Intel;

namespace Runtime.Engines.Interpreter;

public sealed partial class Cpu
{
    private enum Datum
    {
        Int32,
        Single,
        Double,
    }

    /// <param name="From">Format of the source lanes.</param>
    /// <param name="To">Format of the result lanes.</param>
    /// <param name="Lanes">How many.</param>
    /// <param name="Truncates">CVTT: rounds toward zero.</param>
    /// <param name="KeepsRest">Scalar results leave the rest of an XMM register alone; packed ones clear it.</param>
    private readonly record struct Conversion(Datum From, Datum To, int Lanes, bool Truncates = false, bool KeepsRest = false);

    private void RegisterSseConversion()
    {
        OnConversion(Mnemonic.Cvtps2pd, new(Datum.Single, Datum.Double, 2));
        OnConversion(Mnemonic.Cvtpd2ps, new(Datum.Double, Datum.Single, 2));
        OnConversion(Mnemonic.Cvtss2sd, new(Datum.Single, Datum.Double, 1, KeepsRest: true));
        OnConversion(Mnemonic.Cvtsd2ss, new(Datum.Double, Datum.Single, 1, KeepsRest: true));
        OnConversion(Mnemonic.Cvtdq2ps, new(Datum.Int32, Datum.Single, 4));
        OnConversion(Mnemonic.Cvtdq2pd, new(Datum.Int32, Datum.Double, 2));
        OnConversion(Mnemonic.Cvtps2dq, new(Datum.Single, Datum.Int32, 4));
        OnConversion(Mnemonic.Cvttps2dq, new(Datum.Single, Datum.Int32, 4, true));
        OnConversion(Mnemonic.Cvtpd2dq, new(Datum.Double, Datum.Int32, 2));
        OnConversion(Mnemonic.Cvttpd2dq, new(Datum.Double, Datum.Int32, 2, true));
        OnConversion(Mnemonic.Cvtpi2ps, new(Datum.Int32, Datum.Single, 2, KeepsRest: true));
        OnConversion(Mnemonic.Cvtpi2pd, new(Datum.Int32, Datum.Double, 2));
        OnConversion(Mnemonic.Cvtps2pi, new(Datum.Single, Datum.Int32, 2));
        OnConversion(Mnemonic.Cvttps2pi, new(Datum.Single, Datum.Int32, 2, true));
        OnConversion(Mnemonic.Cvtpd2pi, new(Datum.Double, Datum.Int32, 2));
        OnConversion(Mnemonic.Cvttpd2pi, new(Datum.Double, Datum.Int32, 2, true));
        OnConversion(Mnemonic.Cvtsi2ss, new(Datum.Int32, Datum.Single, 1, KeepsRest: true));
        OnConversion(Mnemonic.Cvtsi2sd, new(Datum.Int32, Datum.Double, 1, KeepsRest: true));
        OnConversion(Mnemonic.Cvtss2si, new(Datum.Single, Datum.Int32, 1));
        OnConversion(Mnemonic.Cvttss2si, new(Datum.Single, Datum.Int32, 1, true));
        OnConversion(Mnemonic.Cvtsd2si, new(Datum.Double, Datum.Int32, 1));
        OnConversion(Mnemonic.Cvttsd2si, new(Datum.Double, Datum.Int32, 1, true));
    }

    private void OnConversion(Mnemonic mnemonic, Conversion conversion) => _handlers.On(mnemonic, d => Convert(d, conversion));

    private bool Convert(DecodedInstruction d, Conversion c)
    {
        // A conversion that only reads memory does not enter MMX state; CVTPI2PD with a memory operand does not either.
        if (!BeginVector(d) || !TryReadVector(d, d.Op1, out Vector128<byte> source))
        {
            return false;
        }

        Vector128<byte> result = c.KeepsRest ? GetXmm(d.Op0.Index) : default;
        FloatEnvironment e = SseEnvironment(c.To == Datum.Single ? FloatFormat.Single : FloatFormat.Double);
        for (int i = 0; i < c.Lanes; i++)
        {
            SoftNumber number = c.From switch
            {
                Datum.Int32 => SoftNumber.FromInteger(source.AsInt32()[i]),
                Datum.Single => SingleOf(source.AsUInt32()[i]),
                _ => DoubleOf(source.AsUInt64()[i]),
            };
            if (c.To == Datum.Int32)
            {
                int whole = (int)SoftMath.ToInteger(number, 32, c.Truncates ? Rounding.Zero : e.Rounding, ref e);
                result = result.AsInt32().WithElement(i, whole).AsByte();
                continue;
            }

            e.Flags |= number.Kind == FloatKind.SignalingNan ? FloatFlags.Invalid : number.WasDenormal ? FloatFlags.Denormal : 0;
            SoftNumber rounded = SoftMath.Round(number, ref e);
            result = c.To == Datum.Single
                ? result.AsUInt32().WithElement(i, rounded.ToSingle()).AsByte()
                : result.AsUInt64().WithElement(i, rounded.ToDouble()).AsByte();
        }

        if (!CommitSse(e.Flags) || !TryWriteVector(d, d.Op0, result))
        {
            return false;
        }

        if (UsesMmx(d))
        {
            EnterMmx();
        }

        return true;
    }
}
