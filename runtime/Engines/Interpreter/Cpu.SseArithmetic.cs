// SSE and SSE2 floating-point arithmetic and comparison (SDM vol. 1, 10.4.1, 11.4.1). The general way is SoftMath, exact with all
// flags; the host's own arithmetic serves when it can only agree: rounding to nearest, normal operands and result, inexact already set.
using System.Runtime.Intrinsics;
using Iced.Intel;

namespace Runtime.Engines.Interpreter;

public sealed partial class Cpu
{
    private delegate SoftNumber SseOperation(in SoftNumber a, in SoftNumber b, ref FloatEnvironment e);

    private void RegisterSseArithmetic()
    {
        OnSse((in SoftNumber a, in SoftNumber b, ref FloatEnvironment e) => SoftMath.Add(a, b, ref e), (a, b) => a + b, (a, b) => a + b,
            Mnemonic.Addps, Mnemonic.Addss, Mnemonic.Addpd, Mnemonic.Addsd);
        OnSse((in SoftNumber a, in SoftNumber b, ref FloatEnvironment e) => SoftMath.Subtract(a, b, ref e), (a, b) => a - b, (a, b) => a - b,
            Mnemonic.Subps, Mnemonic.Subss, Mnemonic.Subpd, Mnemonic.Subsd);
        OnSse(SoftMath.Multiply, (a, b) => a * b, (a, b) => a * b, Mnemonic.Mulps, Mnemonic.Mulss, Mnemonic.Mulpd, Mnemonic.Mulsd);
        OnSse(SoftMath.Divide, (a, b) => a / b, (a, b) => a / b, Mnemonic.Divps, Mnemonic.Divss, Mnemonic.Divpd, Mnemonic.Divsd);
        OnSse((in SoftNumber a, in SoftNumber b, ref FloatEnvironment e) => SoftMath.SquareRoot(b, ref e), null, null,
            Mnemonic.Sqrtps, Mnemonic.Sqrtss, Mnemonic.Sqrtpd, Mnemonic.Sqrtsd);
        OnSse((in SoftNumber a, in SoftNumber b, ref FloatEnvironment e) => Select(a, b, -1, ref e), null, null,
            Mnemonic.Minps, Mnemonic.Minss, Mnemonic.Minpd, Mnemonic.Minsd);
        OnSse((in SoftNumber a, in SoftNumber b, ref FloatEnvironment e) => Select(a, b, 1, ref e), null, null,
            Mnemonic.Maxps, Mnemonic.Maxss, Mnemonic.Maxpd, Mnemonic.Maxsd);
        _handlers.On(Mnemonic.Cmpps, d => CompareSse(d, 4, false));
        _handlers.On(Mnemonic.Cmpss, d => CompareSse(d, 4, true));
        _handlers.On(Mnemonic.Cmppd, d => CompareSse(d, 8, false));
        _handlers.On(Code.Cmpsd_xmm_xmmm64_imm8, d => CompareSse(d, 8, true));
        _handlers.On(Mnemonic.Comiss, d => CompareScalar(d, 4, true));
        _handlers.On(Mnemonic.Ucomiss, d => CompareScalar(d, 4, false));
        _handlers.On(Mnemonic.Comisd, d => CompareScalar(d, 8, true));
        _handlers.On(Mnemonic.Ucomisd, d => CompareScalar(d, 8, false));

        // Approximations good to 12 bits by the SDM; these are exact to the last bit of a single. No flags.
        OnApproximation(Mnemonic.Rcpps, Mnemonic.Rcpss, x => 1 / x);
        OnApproximation(Mnemonic.Rsqrtps, Mnemonic.Rsqrtss, x => 1 / MathF.Sqrt(x));
    }

    private void OnSse(SseOperation operation, Func<float, float, float>? hostSingle, Func<double, double, double>? hostDouble,
        Mnemonic packedSingle, Mnemonic scalarSingle, Mnemonic packedDouble, Mnemonic scalarDouble)
    {
        _handlers.On(packedSingle, d => ArithmeticSingle(d, operation, hostSingle, 4));
        _handlers.On(scalarSingle, d => ArithmeticSingle(d, operation, hostSingle, 1));
        _handlers.On(packedDouble, d => ArithmeticDouble(d, operation, hostDouble, 2));
        _handlers.On(scalarDouble, d => ArithmeticDouble(d, operation, hostDouble, 1));
    }

    /// <summary>MIN and MAX: the second operand when unordered or both zero.</summary>
    private static SoftNumber Select(in SoftNumber a, in SoftNumber b, int wanted, ref FloatEnvironment e)
        => SoftMath.Compare(a, b, true, ref e) == wanted ? a : b;

    private SoftNumber SingleOf(uint bits) => Daz(SoftNumber.FromSingle(bits));

    private SoftNumber DoubleOf(ulong bits) => Daz(SoftNumber.FromDouble(bits));

    /// <summary>MXCSR.DAZ: a denormal operand is a zero of its sign, and no flag.</summary>
    private SoftNumber Daz(in SoftNumber number)
        => number.WasDenormal && (Mxcsr & 0x40) != 0 ? SoftNumber.Zero(number.Negative) : number;

    /// <summary>Round to nearest, everything masked, neither FTZ nor DAZ, inexact already recorded.</summary>
    private bool HostMayCompute => (Mxcsr & 0xFFE0) == 0x1FA0;

    private bool ArithmeticSingle(DecodedInstruction d, SseOperation operation, Func<float, float, float>? host, int lanes)
    {
        if (!BeginSse() || !TryReadVector(d, d.Op1, out Vector128<byte> right))
        {
            return false;
        }

        Vector128<uint> a = GetXmm(d.Op0.Index).AsUInt32(), b = right.AsUInt32(), result = a;
        FloatEnvironment e = SseEnvironment(FloatFormat.Single);
        bool mayUseHost = host is not null && HostMayCompute;
        for (int i = 0; i < lanes; i++)
        {
            float x = BitConverter.UInt32BitsToSingle(a[i]), y = BitConverter.UInt32BitsToSingle(b[i]);
            if (mayUseHost && float.IsNormal(x) && float.IsNormal(y) && host!(x, y) is float r && float.IsNormal(r)
                && MathF.Abs(r) > 2 * 1.17549435E-38f)
            {
                result = result.WithElement(i, BitConverter.SingleToUInt32Bits(r));
                continue;
            }

            result = result.WithElement(i, operation(SingleOf(a[i]), SingleOf(b[i]), ref e).ToSingle());
        }

        return CommitSse(e.Flags) && TryWriteVector(d, d.Op0, result.AsByte());
    }

    private bool ArithmeticDouble(DecodedInstruction d, SseOperation operation, Func<double, double, double>? host, int lanes)
    {
        if (!BeginSse() || !TryReadVector(d, d.Op1, out Vector128<byte> right))
        {
            return false;
        }

        Vector128<ulong> a = GetXmm(d.Op0.Index).AsUInt64(), b = right.AsUInt64(), result = a;
        FloatEnvironment e = SseEnvironment(FloatFormat.Double);
        bool mayUseHost = host is not null && HostMayCompute;
        for (int i = 0; i < lanes; i++)
        {
            double x = BitConverter.UInt64BitsToDouble(a[i]), y = BitConverter.UInt64BitsToDouble(b[i]);
            if (mayUseHost && double.IsNormal(x) && double.IsNormal(y) && host!(x, y) is double r && double.IsNormal(r)
                && Math.Abs(r) > 2 * 2.2250738585072014E-308)
            {
                result = result.WithElement(i, BitConverter.DoubleToUInt64Bits(r));
                continue;
            }

            result = result.WithElement(i, operation(DoubleOf(a[i]), DoubleOf(b[i]), ref e).ToDouble());
        }

        return CommitSse(e.Flags) && TryWriteVector(d, d.Op0, result.AsByte());
    }

    /// <summary>The eight predicates of CMPPS and its kin (SDM vol. 2, table 3-1).</summary>
    private static bool Holds(int predicate, int? order) => (predicate & 3) switch
    {
        0 => order == 0,
        1 => order < 0,
        2 => order <= 0,
        _ => order is null,
    } ^ (predicate & 4) != 0;

    private bool CompareSse(DecodedInstruction d, int size, bool scalar)
    {
        if (!BeginSse() || !TryReadVector(d, d.Op1, out Vector128<byte> b))
        {
            return false;
        }

        int predicate = (int)(d.Immediate & 7);
        bool signals = (predicate & 3) is 1 or 2;
        Vector128<byte> a = GetXmm(d.Op0.Index), result = a;
        FloatEnvironment e = default;
        for (int i = 0; i < (scalar ? 1 : 16 / size); i++)
        {
            if (size == 4)
            {
                int? order = SoftMath.Compare(SingleOf(a.AsUInt32()[i]), SingleOf(b.AsUInt32()[i]), signals, ref e);
                result = result.AsUInt32().WithElement(i, Holds(predicate, order) ? uint.MaxValue : 0).AsByte();
            }
            else
            {
                int? order = SoftMath.Compare(DoubleOf(a.AsUInt64()[i]), DoubleOf(b.AsUInt64()[i]), signals, ref e);
                result = result.AsUInt64().WithElement(i, Holds(predicate, order) ? ulong.MaxValue : 0).AsByte();
            }
        }

        return CommitSse(e.Flags) && TryWriteVector(d, d.Op0, result);
    }

    private bool CompareScalar(DecodedInstruction d, int size, bool quietNanIsInvalid)
    {
        if (!BeginSse() || !TryReadVector(d, d.Op1, out Vector128<byte> b))
        {
            return false;
        }

        Vector128<byte> a = GetXmm(d.Op0.Index);
        FloatEnvironment e = default;
        int? order = size == 4
            ? SoftMath.Compare(SingleOf(a.AsUInt32()[0]), SingleOf(b.AsUInt32()[0]), quietNanIsInvalid, ref e)
            : SoftMath.Compare(DoubleOf(a.AsUInt64()[0]), DoubleOf(b.AsUInt64()[0]), quietNanIsInvalid, ref e);
        if (!CommitSse(e.Flags))
        {
            return false;
        }

        SetOrderFlags(order);
        return true;
    }

    private void OnApproximation(Mnemonic packed, Mnemonic scalar, Func<float, float> function)
    {
        _handlers.On(packed, d => Approximate(d, function, 4));
        _handlers.On(scalar, d => Approximate(d, function, 1));
    }

    private bool Approximate(DecodedInstruction d, Func<float, float> function, int lanes)
    {
        if (!BeginSse() || !TryReadVector(d, d.Op1, out Vector128<byte> right))
        {
            return false;
        }

        Vector128<float> result = GetXmm(d.Op0.Index).AsSingle();
        for (int i = 0; i < lanes; i++)
        {
            result = result.WithElement(i, function(right.AsSingle()[i]));
        }

        return TryWriteVector(d, d.Op0, result.AsByte());
    }
}
