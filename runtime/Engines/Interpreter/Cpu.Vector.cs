// What MMX and SSE instructions share: availability, operands, MXCSR (SDM vol. 1, 9.6, 10.2; vol. 3, 13.1).
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Iced.Intel;

namespace Runtime.Engines.Interpreter;

public sealed partial class Cpu
{
    /// <param name="width">Bytes of the operands: 8 for MMX, 16 for XMM.</param>
    private delegate Vector128<byte> VectorOperation(Vector128<byte> a, Vector128<byte> b, int width);

    private void RegisterVector()
    {
        if (_model.Has(CpuFeatures.Mmx))
        {
            RegisterVectorInteger();
            RegisterVectorShuffle();
            RegisterVectorMove();
        }

        if (_model.Has(CpuFeatures.Sse))
        {
            RegisterSseArithmetic();
            RegisterSseConversion();
            _handlers.On(Mnemonic.Ldmxcsr, LoadMxcsr);
            _handlers.On(Mnemonic.Stmxcsr, d => BeginSse() && TryWrite(d.Segment, EffectiveAddress(d), 4, Mxcsr));
        }
    }

    private bool BeginMmx()
    {
        if ((_state.Cr0 & ControlRegisters.Cr0Em) != 0)
        {
            return InvalidOpcode();
        }

        return (_state.Cr0 & ControlRegisters.Cr0Ts) != 0 ? RecordFault(ExceptionVector.DeviceNotAvailable) : !IsX87ErrorPending();
    }

    private bool BeginSse()
    {
        if ((_state.Cr0 & ControlRegisters.Cr0Em) != 0 || (_state.Cr4 & ControlRegisters.Cr4Osfxsr) == 0)
        {
            return InvalidOpcode();
        }

        return (_state.Cr0 & ControlRegisters.Cr0Ts) == 0 || RecordFault(ExceptionVector.DeviceNotAvailable);
    }

    private static bool UsesMmx(DecodedInstruction d)
        => d.Op0.Kind == OperandKind.Mmx || d.Op1.Kind == OperandKind.Mmx;

    private static bool UsesXmm(DecodedInstruction d)
        => d.Op0.Kind == OperandKind.Xmm || d.Op1.Kind == OperandKind.Xmm;

    private bool BeginVector(DecodedInstruction d) => (!UsesXmm(d) || BeginSse()) && (!UsesMmx(d) || BeginMmx());

    /// <summary>Any MMX instruction but EMMS makes TOP 0 and every register valid (SDM vol. 1, 9.6.2). Done once nothing can fault.</summary>
    private void EnterMmx()
    {
        TurnToPhysicalOrder();
        FpuTags = 0xFF;
    }

    private Span<byte> XmmBytes(int index) => _state.Fx.AsSpan(FxXmm + 16 * index, 16);

    private Vector128<byte> GetXmm(int index) => MemoryMarshal.Read<Vector128<byte>>(XmmBytes(index));

    private void SetXmm(int index, Vector128<byte> value) => value.CopyTo(XmmBytes(index));

    private ulong GetMmx(int index) => BitConverter.ToUInt64(_state.Fx, FxRegisters + 16 * (index - FpuTop & 7));

    private void SetMmx(int index, ulong value)
    {
        EnterMmx();
        BitConverter.TryWriteBytes(_state.Fx.AsSpan(FxRegisters + 16 * index), value);
        BitConverter.TryWriteBytes(_state.Fx.AsSpan(FxRegisters + 16 * index + 8), (ushort)0xFFFF);
    }

    /// <summary>Reads a register or as many bytes of memory as the operand has, zero-extended to 16.</summary>
    private bool TryReadVector(DecodedInstruction d, Operand o, out Vector128<byte> value, bool aligned = true)
    {
        switch (o.Kind)
        {
            case OperandKind.Xmm:
                value = GetXmm(o.Index);
                return true;

            case OperandKind.Mmx:
                value = Vector128.CreateScalar(GetMmx(o.Index)).AsByte();
                return true;

            case OperandKind.Register32:
                value = Vector128.CreateScalar(Gpr(o.Index)).AsByte();
                return true;

            default:
                Span<byte> bytes = stackalloc byte[16];
                bytes.Clear();
                value = default;
                if ((aligned && o.Size == 16 && !IsAligned16(d)) || !TryReadBytes(d.Segment, EffectiveAddress(d), bytes[..o.Size]))
                {
                    return false;
                }

                value = Vector128.Create<byte>(bytes);
                return true;
        }
    }

    private bool TryWriteVector(DecodedInstruction d, Operand o, Vector128<byte> value, bool aligned = true)
    {
        switch (o.Kind)
        {
            case OperandKind.Xmm:
                SetXmm(o.Index, value);
                return true;

            case OperandKind.Mmx:
                SetMmx(o.Index, value.AsUInt64()[0]);
                return true;

            case OperandKind.Register32:
                Gpr(o.Index) = value.AsUInt32()[0];
                return true;

            default:
                Span<byte> bytes = stackalloc byte[16];
                value.CopyTo(bytes);
                return (!aligned || o.Size != 16 || IsAligned16(d)) && TryWriteBytes(d.Segment, EffectiveAddress(d), bytes[..o.Size]);
        }
    }

    /// <summary>dst = f(dst, src).</summary>
    private bool BinaryVector(DecodedInstruction d, VectorOperation operation)
    {
        if (!BeginVector(d) || !TryReadVector(d, d.Op1, out Vector128<byte> b) || !TryReadVector(d, d.Op0, out Vector128<byte> a))
        {
            return false;
        }

        return TryWriteVector(d, d.Op0, operation(a, b, d.Op0.Size));
    }

    private void OnVector(Mnemonic mnemonic, VectorOperation operation) => _handlers.On(mnemonic, d => BinaryVector(d, operation));

    private bool LoadMxcsr(DecodedInstruction d)
    {
        if (!BeginSse() || !TryRead(d.Segment, EffectiveAddress(d), 4, out uint value))
        {
            return false;
        }

        if ((value & ~MxcsrMask) != 0)
        {
            return GeneralProtection();
        }

        Mxcsr = value;
        return true;
    }

    private FloatEnvironment SseEnvironment(FloatFormat format) => new()
    {
        Rounding = (Rounding)(Mxcsr >> 13 & 3),
        Format = format,
        FlushToZero = (Mxcsr & 0x8800) == 0x8800,
    };

    /// <summary>Records flags; an unmasked one is #XM and nothing else may be stored (SDM vol. 1, 11.5).</summary>
    private bool CommitSse(uint flags)
    {
        if ((flags & ~(Mxcsr >> 7) & FoundBefore) != 0)
        {
            // SDM vol. 1, 11.5.2: an unmasked exception found in the operands keeps those of the result from being looked for.
            flags &= FoundBefore;
        }

        Mxcsr |= flags;
        if ((flags & ~(Mxcsr >> 7) & FloatFlags.All) == 0)
        {
            return true;
        }

        return (_state.Cr4 & ControlRegisters.Cr4Osxmmexcpt) != 0 ? RecordFault(ExceptionVector.SimdFloatingPoint) : InvalidOpcode();
    }
}
