// x87 basic arithmetic and comparison (SDM vol. 1, 8.3.5 and 8.3.6).
using Iced.Intel;

namespace Runtime.Engines.Interpreter;

public sealed partial class Cpu
{
    private delegate SoftNumber X87Operation(in SoftNumber a, in SoftNumber b, ref FloatEnvironment e);

    private void RegisterX87Arithmetic()
    {
        X87Operation add = (in SoftNumber a, in SoftNumber b, ref FloatEnvironment e) => SoftMath.Add(a, b, ref e);
        X87Operation subtract = (in SoftNumber a, in SoftNumber b, ref FloatEnvironment e) => SoftMath.Subtract(a, b, ref e);
        X87Operation subtractReversed = (in SoftNumber a, in SoftNumber b, ref FloatEnvironment e) => SoftMath.Subtract(b, a, ref e);
        X87Operation divideReversed = (in SoftNumber a, in SoftNumber b, ref FloatEnvironment e) => SoftMath.Divide(b, a, ref e);
        OnX87Binary(add, Mnemonic.Fadd, Mnemonic.Faddp, Mnemonic.Fiadd);
        OnX87Binary(subtract, Mnemonic.Fsub, Mnemonic.Fsubp, Mnemonic.Fisub);
        OnX87Binary(subtractReversed, Mnemonic.Fsubr, Mnemonic.Fsubrp, Mnemonic.Fisubr);
        OnX87Binary(SoftMath.Multiply, Mnemonic.Fmul, Mnemonic.Fmulp, Mnemonic.Fimul);
        OnX87Binary(SoftMath.Divide, Mnemonic.Fdiv, Mnemonic.Fdivp, Mnemonic.Fidiv);
        OnX87Binary(divideReversed, Mnemonic.Fdivr, Mnemonic.Fdivrp, Mnemonic.Fidivr);
        _handlers.On(Mnemonic.Fsqrt, d => UnaryX87(d, (in SoftNumber a, ref FloatEnvironment e) => SoftMath.SquareRoot(a, ref e)));
        _handlers.On(Mnemonic.Frndint, d => UnaryX87(d, (in SoftNumber a, ref FloatEnvironment e) => SoftMath.RoundToIntegral(a, ref e)));
        _handlers.On(Mnemonic.Fabs, d => SignX87(d, value => value.Absolute));
        _handlers.On(Mnemonic.Fchs, d => SignX87(d, value => value.Negated));
        OnX87Compare(Mnemonic.Fcom, 0, true);
        OnX87Compare(Mnemonic.Fcomp, 1, true);
        OnX87Compare(Mnemonic.Fcompp, 2, true);
        OnX87Compare(Mnemonic.Fucom, 0, false);
        OnX87Compare(Mnemonic.Fucomp, 1, false);
        OnX87Compare(Mnemonic.Fucompp, 2, false);
        _handlers.On(Mnemonic.Ficom, d => CompareX87(d, 0, true, true));
        _handlers.On(Mnemonic.Ficomp, d => CompareX87(d, 1, true, true));
        if (_model.Has(CpuFeatures.Cmov))
        {
            _handlers.On(Mnemonic.Fcomi, d => CompareToFlags(d, false, true));
            _handlers.On(Mnemonic.Fcomip, d => CompareToFlags(d, true, true));
            _handlers.On(Mnemonic.Fucomi, d => CompareToFlags(d, false, false));
            _handlers.On(Mnemonic.Fucomip, d => CompareToFlags(d, true, false));
        }

        _handlers.On(Mnemonic.Ftst, TestX87);
        _handlers.On(Mnemonic.Fxam, ExamineX87);
    }

    private void OnX87Binary(X87Operation operation, Mnemonic plain, Mnemonic pops, Mnemonic integer)
    {
        _handlers.On(plain, d => BinaryX87(d, operation, false, false));
        _handlers.On(pops, d => BinaryX87(d, operation, false, true));
        _handlers.On(integer, d => BinaryX87(d, operation, true, false));
    }

    private void OnX87Compare(Mnemonic mnemonic, int pops, bool quietNanIsInvalid)
        => _handlers.On(mnemonic, d => CompareX87(d, pops, quietNanIsInvalid, false));

    /// <summary>A memory operand as a number: an integer of 2, 4, 8 bytes or a real of 4, 8, 10.</summary>
    private bool TryReadNumber(DecodedInstruction d, Operand o, bool isInteger, out SoftNumber number)
    {
        number = default;
        Span<byte> bytes = stackalloc byte[16];
        if (!TryReadBytes(d.Segment, EffectiveAddress(d), bytes[..o.Size]))
        {
            return false;
        }

        ulong low = BitConverter.ToUInt64(bytes);
        number = (o.Size, isInteger) switch
        {
            (2, _) => SoftNumber.FromInteger((short)low),
            (4, true) => SoftNumber.FromInteger((int)low),
            (8, true) => SoftNumber.FromInteger((long)low),
            (4, _) => SoftNumber.FromSingle((uint)low),
            (8, _) => SoftNumber.FromDouble(low),
            _ => SoftNumber.FromExtended(new Float80(BitConverter.ToUInt16(bytes[8..]), low)),
        };
        return true;
    }

    private bool BinaryX87(DecodedInstruction d, X87Operation operation, bool isInteger, bool pops)
    {
        if (!BeginX87(d))
        {
            return false;
        }

        int target = d.Op0.IsMemory ? 0 : d.Op0.Index;
        SoftNumber source;
        bool missing = IsEmpty(target);
        if (d.Op0.IsMemory)
        {
            if (!TryReadNumber(d, d.Op0, isInteger, out source))
            {
                return false;
            }
        }
        else
        {
            missing |= IsEmpty(d.Op1.Index);
            source = SoftNumber.FromExtended(GetStack(d.Op1.Index));
        }

        if (missing)
        {
            if (!StackFaultX87(false))
            {
                return true;
            }

            SetStack(target, IndefiniteX87);
        }
        else
        {
            FloatEnvironment e = X87Environment();
            SoftNumber result = operation(SoftNumber.FromExtended(GetStack(target)), source, ref e);
            if (!CommitX87(e))
            {
                return true;
            }

            SetStack(target, result.ToExtended());
        }

        if (pops)
        {
            PopX87();
        }

        return true;
    }

    private delegate SoftNumber X87Function(in SoftNumber a, ref FloatEnvironment e);

    private bool UnaryX87(DecodedInstruction d, X87Function function)
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
            }

            return true;
        }

        FloatEnvironment e = X87Environment();
        SoftNumber result = function(SoftNumber.FromExtended(GetStack(0)), ref e);
        if (CommitX87(e))
        {
            SetStack(0, result.ToExtended());
        }

        return true;
    }

    private bool SignX87(DecodedInstruction d, Func<Float80, Float80> change)
    {
        if (!BeginX87(d))
        {
            return false;
        }

        if (HasStack(0, out bool masked))
        {
            FpuStatus &= unchecked((ushort)~StatusC1);
            SetStack(0, change(GetStack(0)));
        }
        else if (masked)
        {
            SetStack(0, IndefiniteX87);
        }

        return true;
    }

    private void SetConditionCodes(int? order)
    {
        int codes = order switch { null => StatusC3 | StatusC2 | StatusC0, 0 => StatusC3, < 0 => StatusC0, _ => 0 };
        FpuStatus = (ushort)(FpuStatus & ~(StatusC3 | StatusC2 | StatusC1 | StatusC0) | codes);
    }

    private bool CompareX87(DecodedInstruction d, int pops, bool quietNanIsInvalid, bool isInteger)
    {
        if (!BeginX87(d))
        {
            return false;
        }

        SoftNumber source = default;
        bool missing = IsEmpty(0);
        if (d.Op0.IsMemory)
        {
            if (!TryReadNumber(d, d.Op0, isInteger, out source))
            {
                return false;
            }
        }
        else
        {
            int index = d.Op1.Kind == OperandKind.Stack87 ? d.Op1.Index : d.Op0.Kind == OperandKind.Stack87 ? d.Op0.Index : 1;
            missing |= IsEmpty(index);
            source = SoftNumber.FromExtended(GetStack(index));
        }

        bool go;
        if (missing)
        {
            go = StackFaultX87(false);
            SetConditionCodes(null);
        }
        else
        {
            var e = new FloatEnvironment();
            int? order = SoftMath.Compare(SoftNumber.FromExtended(GetStack(0)), source, quietNanIsInvalid, ref e);
            go = CommitX87(e);
            SetConditionCodes(order);
        }

        for (; go && pops > 0; pops--)
        {
            PopX87();
        }

        return true;
    }

    private bool CompareToFlags(DecodedInstruction d, bool pops, bool quietNanIsInvalid)
    {
        if (!BeginX87(d))
        {
            return false;
        }

        int index = d.Op1.Index;
        int? order = null;
        bool go;
        if (IsEmpty(0) || IsEmpty(index))
        {
            go = StackFaultX87(false);
        }
        else
        {
            var e = new FloatEnvironment();
            order = SoftMath.Compare(SoftNumber.FromExtended(GetStack(0)), SoftNumber.FromExtended(GetStack(index)), quietNanIsInvalid, ref e);
            go = CommitX87(e);
        }

        if (go)
        {
            SetOrderFlags(order);
            if (pops)
            {
                PopX87();
            }
        }

        return true;
    }

    /// <summary>ZF, PF, CF as FCOMI, COMISS and their kin leave them; OF, SF, AF are cleared.</summary>
    private void SetOrderFlags(int? order)
    {
        uint flags = order switch { null => FlagBits.Zf | FlagBits.Pf | FlagBits.Cf, 0 => FlagBits.Zf, < 0 => FlagBits.Cf, _ => 0 };
        _state.Eflags = _state.Eflags & ~FlagBits.Arithmetic | flags;
    }

    private bool TestX87(DecodedInstruction d)
    {
        if (!BeginX87(d))
        {
            return false;
        }

        if (IsEmpty(0))
        {
            StackFaultX87(false);
            SetConditionCodes(null);
            return true;
        }

        var e = new FloatEnvironment();
        int? order = SoftMath.Compare(SoftNumber.FromExtended(GetStack(0)), SoftNumber.Zero(false), true, ref e);
        CommitX87(e);
        SetConditionCodes(order);
        return true;
    }

    private bool ExamineX87(DecodedInstruction d)
    {
        if (!BeginX87(d))
        {
            return false;
        }

        SoftNumber number = SoftNumber.FromExtended(GetStack(0));

        // SDM vol. 2, table 3-42.
        int codes = IsEmpty(0) ? StatusC3 | StatusC0 : number.Kind switch
        {
            FloatKind.Unsupported => 0,
            FloatKind.QuietNan or FloatKind.SignalingNan => StatusC0,
            FloatKind.Finite when number.WasDenormal => StatusC3 | StatusC2,
            FloatKind.Finite => StatusC2,
            FloatKind.Infinity => StatusC2 | StatusC0,
            _ => StatusC3,
        };
        codes |= GetStack(0).SignExponent >> 15 != 0 ? StatusC1 : 0;
        FpuStatus = (ushort)(FpuStatus & ~(StatusC3 | StatusC2 | StatusC1 | StatusC0) | codes);
        return true;
    }
}
