// x87 loads, stores, constants, exchanges (SDM vol. 1, 8.3.3 and 8.3.4).
using Iced.Intel;

namespace Runtime.Engines.Interpreter;

public sealed partial class Cpu
{
    private void RegisterX87Transfer()
    {
        _handlers.On(Mnemonic.Fld, d => LoadX87(d, false));
        _handlers.On(Mnemonic.Fild, d => LoadX87(d, true));
        _handlers.On(Mnemonic.Fst, d => StoreX87(d, false));
        _handlers.On(Mnemonic.Fstp, d => StoreX87(d, true));
        _handlers.On(Mnemonic.Fstpnce, d => StoreX87(d, true));
        _handlers.On(Mnemonic.Fist, d => StoreIntegerX87(d, false, false));
        _handlers.On(Mnemonic.Fistp, d => StoreIntegerX87(d, true, false));
        _handlers.On(Mnemonic.Fbld, LoadDecimal);
        _handlers.On(Mnemonic.Fbstp, StoreDecimal);
        _handlers.On(Mnemonic.Fxch, ExchangeX87);

        // SDM vol. 2, FLD1 ...: the constants as rounded to nearest; RC does not matter below the 387's accuracy.
        OnConstant(Mnemonic.Fld1, new Float80(0x3FFF, 0x8000_0000_0000_0000), 0);
        OnConstant(Mnemonic.Fldz, default, 0);
        OnConstant(Mnemonic.Fldl2t, new Float80(0x4000, 0xD49A_784B_CD1B_8AFE), 1);
        OnConstant(Mnemonic.Fldl2e, new Float80(0x3FFF, 0xB8AA_3B29_5C17_F0BC), -1);
        OnConstant(Mnemonic.Fldpi, new Float80(0x4000, 0xC90F_DAA2_2168_C235), -1);
        OnConstant(Mnemonic.Fldlg2, new Float80(0x3FFD, 0x9A20_9A84_FBCF_F799), -1);
        OnConstant(Mnemonic.Fldln2, new Float80(0x3FFE, 0xB172_17F7_D1CF_79AC), -1);
        if (_model.Has(CpuFeatures.Cmov))
        {
            OnConditional(Mnemonic.Fcmovb, 2);
            OnConditional(Mnemonic.Fcmove, 4);
            OnConditional(Mnemonic.Fcmovbe, 6);
            OnConditional(Mnemonic.Fcmovu, 10);
            OnConditional(Mnemonic.Fcmovnb, 3);
            OnConditional(Mnemonic.Fcmovne, 5);
            OnConditional(Mnemonic.Fcmovnbe, 7);
            OnConditional(Mnemonic.Fcmovnu, 11);
        }
    }

    /// <param name="error">How the 64-bit value errs: -1, it was rounded up, so rounding down gives one unit less; 1 the reverse.</param>
    private void OnConstant(Mnemonic mnemonic, Float80 nearest, int error)
        => _handlers.On(mnemonic, d =>
        {
            if (!BeginX87(d))
            {
                return false;
            }

            var rounding = (Rounding)(FpuControl >> 10 & 3);
            bool down = rounding is Rounding.Down or Rounding.Zero;
            ulong adjust = error < 0 && down ? ulong.MaxValue : error > 0 && rounding == Rounding.Up ? 1ul : 0;
            PushX87(nearest with { Significand = nearest.Significand + adjust });
            return true;
        });

    private void OnConditional(Mnemonic mnemonic, int condition)
        => _handlers.On(mnemonic, d =>
        {
            if (!BeginX87(d))
            {
                return false;
            }

            if (IsEmpty(0) || IsEmpty(d.Op1.Index))
            {
                if (StackFaultX87(false))
                {
                    SetStack(0, IndefiniteX87);
                }
            }
            else if (HasCondition(condition))
            {
                SetStack(0, GetStack(d.Op1.Index));
            }

            return true;
        });

    private bool LoadX87(DecodedInstruction d, bool isInteger)
    {
        if (!BeginX87(d))
        {
            return false;
        }

        Operand o = d.Op1.Kind == OperandKind.Stack87 ? d.Op1 : d.Op0;
        if (o.IsMemory)
        {
            if (!TryReadNumber(d, o, isInteger, out SoftNumber number))
            {
                return false;
            }

            if (!IsEmpty(7))
            {
                PushX87(default);
                return true;
            }

            // An 80-bit load is a copy of bits; the narrower formats convert, which a signaling NaN or a denormal shows.
            if (o.Size == 10)
            {
                Span<byte> bytes = stackalloc byte[10];
                TryReadBytes(d.Segment, EffectiveAddress(d), bytes);
                PushX87(new Float80(BitConverter.ToUInt16(bytes[8..]), BitConverter.ToUInt64(bytes)));
                return true;
            }

            uint flags = number.Kind == FloatKind.SignalingNan ? FloatFlags.Invalid : number.WasDenormal ? FloatFlags.Denormal : 0;
            if (CommitX87(flags))
            {
                PushX87((number.Kind == FloatKind.SignalingNan ? number.Quieted() : number).ToExtended());
            }

            return true;
        }

        if (HasStack(o.Index, out bool masked))
        {
            PushX87(GetStack(o.Index));
        }
        else if (masked)
        {
            TurnStack(-1);
            SetStack(0, IndefiniteX87);
        }

        return true;
    }

    private bool StoreX87(DecodedInstruction d, bool pops)
    {
        if (!BeginX87(d))
        {
            return false;
        }

        Operand o = d.Op0;
        ushort status = FpuStatus; // a store that faults has raised nothing
        bool there = HasStack(0, out bool masked);
        if (!there && !masked)
        {
            return true;
        }

        Float80 value = there ? GetStack(0) : IndefiniteX87;
        if (!o.IsMemory)
        {
            FpuStatus = (ushort)(there ? FpuStatus & ~StatusC1 : FpuStatus);
            SetStack(o.Index, value);
        }
        else
        {
            Span<byte> bytes = stackalloc byte[10];
            var e = new FloatEnvironment { Rounding = X87Environment().Rounding, IsX87 = true, Format = o.Size == 4 ? FloatFormat.Single : FloatFormat.Double };
            if (o.Size == 10)
            {
                BitConverter.TryWriteBytes(bytes, value.Significand);
                BitConverter.TryWriteBytes(bytes[8..], value.SignExponent);
            }
            else
            {
                SoftNumber number = SoftNumber.FromExtended(value);
                e.Flags = number.IsInvalid ? FloatFlags.Invalid : 0;
                SoftNumber rounded = number.Kind == FloatKind.Unsupported ? SoftNumber.Indefinite : SoftMath.Round(number, ref e);
                BitConverter.TryWriteBytes(bytes, o.Size == 4 ? rounded.ToSingle() : rounded.ToDouble());
            }

            // To memory an unmasked overflow or underflow stores nothing either.
            uint blocking = e.Flags & ~(uint)FpuControl & (FloatFlags.Invalid | FloatFlags.Overflow | FloatFlags.Underflow);
            if (blocking == 0 && !TryWriteBytes(d.Segment, EffectiveAddress(d), bytes[..o.Size]))
            {
                FpuStatus = status;
                return false;
            }

            if (there && blocking != 0)
            {
                // Nothing is stored, so nothing is inexact (SDM vol. 1, 8.5.4 and 8.5.5).
                CommitX87(e.Flags & ~FloatFlags.Inexact);
            }
            else if (there)
            {
                CommitX87(e);
            }

            if (blocking != 0)
            {
                return true;
            }
        }

        if (pops)
        {
            PopX87();
        }

        return true;
    }

    private bool StoreIntegerX87(DecodedInstruction d, bool pops, bool truncates)
    {
        if (!BeginX87(d))
        {
            return false;
        }

        ushort status = FpuStatus; // a store that faults has raised nothing
        bool there = HasStack(0, out bool masked);
        if (!there && !masked)
        {
            return true;
        }

        int bits = d.Op0.Size * 8;
        var e = new FloatEnvironment();
        Rounding rounding = truncates ? Rounding.Zero : X87Environment().Rounding;
        long value = there ? SoftMath.ToInteger(SoftNumber.FromExtended(GetStack(0)), bits, rounding, ref e) : long.MinValue >> 64 - bits;
        bool go = (e.Flags & ~(uint)FpuControl & FloatFlags.Invalid) == 0;
        Span<byte> bytes = stackalloc byte[8];
        BitConverter.TryWriteBytes(bytes, value);
        if (go && !TryWriteBytes(d.Segment, EffectiveAddress(d), bytes[..d.Op0.Size]))
        {
            FpuStatus = status;
            return false;
        }

        if (there)
        {
            CommitX87(e);
        }

        if (go && pops)
        {
            PopX87();
        }

        return true;
    }

    private bool ExchangeX87(DecodedInstruction d)
    {
        if (!BeginX87(d))
        {
            return false;
        }

        int other = d.Op1.Kind == OperandKind.Stack87 ? d.Op1.Index : d.Op0.Index;
        if (IsEmpty(0) || IsEmpty(other))
        {
            if (!StackFaultX87(false))
            {
                return true;
            }
        }
        else
        {
            FpuStatus &= unchecked((ushort)~StatusC1);
        }

        Float80 top = IsEmpty(0) ? IndefiniteX87 : GetStack(0);
        SetStack(0, IsEmpty(other) ? IndefiniteX87 : GetStack(other));
        SetStack(other, top);
        return true;
    }

    // Packed decimal: 18 digits, sign in the top bit (SDM vol. 1, 4.7).
    private bool LoadDecimal(DecodedInstruction d)
    {
        Span<byte> bytes = stackalloc byte[10];
        if (!BeginX87(d) || !TryReadBytes(d.Segment, EffectiveAddress(d), bytes))
        {
            return false;
        }

        long value = 0;
        for (int i = 8; i >= 0; i--)
        {
            value = value * 100 + (bytes[i] >> 4) * 10 + (bytes[i] & 0xF);
        }

        SoftNumber number = SoftNumber.FromInteger(value);
        number.Negative = bytes[9] >> 7 != 0;
        PushX87(number.ToExtended());
        return true;
    }

    private bool StoreDecimal(DecodedInstruction d)
    {
        if (!BeginX87(d))
        {
            return false;
        }

        ushort status = FpuStatus; // a store that faults has raised nothing
        bool there = HasStack(0, out bool masked);
        if (!there && !masked)
        {
            return true;
        }

        SoftNumber number = SoftNumber.FromExtended(GetStack(0));
        var e = new FloatEnvironment();
        long value = there ? SoftMath.ToInteger(number, 64, X87Environment().Rounding, ref e) : 0;
        bool fits = there && (e.Flags & FloatFlags.Invalid) == 0 && value is > -1_000_000_000_000_000_000 and < 1_000_000_000_000_000_000;
        Span<byte> bytes = [0, 0, 0, 0, 0, 0, 0, 0xC0, 0xFF, 0xFF];
        if (fits)
        {
            long rest = Math.Abs(value);
            for (int i = 0; i < 9; i++, rest /= 100)
            {
                bytes[i] = (byte)(rest % 10 | rest / 10 % 10 << 4);
            }

            bytes[9] = (byte)(number.Negative ? 0x80 : 0);
        }
        else if (there)
        {
            e.Flags = FloatFlags.Invalid;
        }

        bool go = (e.Flags & ~(uint)FpuControl & FloatFlags.Invalid) == 0;
        if (go && !TryWriteBytes(d.Segment, EffectiveAddress(d), bytes))
        {
            FpuStatus = status;
            return false;
        }

        if (there)
        {
            CommitX87(e);
        }

        if (go)
        {
            PopX87();
        }

        return true;
    }
}
