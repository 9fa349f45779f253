// Moves between MMX, XMM, general registers and memory (SDM vol. 1, 5.4.1, 5.5.1.1, 5.6.1.1).
using System.Runtime.Intrinsics;
using Iced.Intel;

namespace Runtime.Engines.Interpreter;

public sealed partial class Cpu
{
    private void RegisterVectorMove()
    {
        foreach (Mnemonic aligned in (ReadOnlySpan<Mnemonic>)[Mnemonic.Movaps, Mnemonic.Movapd, Mnemonic.Movdqa, Mnemonic.Movntps,
            Mnemonic.Movntpd, Mnemonic.Movntdq, Mnemonic.Movntq, Mnemonic.Movd, Mnemonic.Movq, Mnemonic.Movq2dq, Mnemonic.Movdq2q])
        {
            _handlers.On(aligned, d => MoveVector(d, true));
        }

        foreach (Mnemonic unaligned in (ReadOnlySpan<Mnemonic>)[Mnemonic.Movups, Mnemonic.Movupd, Mnemonic.Movdqu])
        {
            _handlers.On(unaligned, d => MoveVector(d, false));
        }

        _handlers.On(Mnemonic.Movss, d => MoveScalar(d, 4));
        _handlers.On(Code.Movsd_xmm_xmmm64, d => MoveScalar(d, 8));
        _handlers.On(Code.Movsd_xmmm64_xmm, d => MoveScalar(d, 8));
        foreach (Mnemonic low in (ReadOnlySpan<Mnemonic>)[Mnemonic.Movlps, Mnemonic.Movlpd])
        {
            _handlers.On(low, d => MoveHalf(d, 0, 0));
        }

        foreach (Mnemonic high in (ReadOnlySpan<Mnemonic>)[Mnemonic.Movhps, Mnemonic.Movhpd])
        {
            _handlers.On(high, d => MoveHalf(d, 1, 1));
        }

        _handlers.On(Mnemonic.Movhlps, d => MoveHalf(d, 0, 1));
        _handlers.On(Mnemonic.Movlhps, d => MoveHalf(d, 1, 0));
        _handlers.On(Mnemonic.Maskmovq, MoveMasked);
        _handlers.On(Mnemonic.Maskmovdqu, MoveMasked);
    }

    /// <summary>A whole move; the destination is zero-extended when the source is narrower.</summary>
    private bool MoveVector(DecodedInstruction d, bool aligned)
    {
        if (!BeginVector(d) || !TryReadVector(d, d.Op1, out Vector128<byte> value, aligned))
        {
            return false;
        }

        if (d.Mnemonic == Mnemonic.Movq)
        {
            value = Vector128.CreateScalar(value.AsUInt64()[0]).AsByte();
        }

        if (!TryWriteVector(d, d.Op0, value, aligned))
        {
            return false;
        }

        if (UsesMmx(d))
        {
            EnterMmx();
        }

        return true;
    }

    /// <summary>MOVSS and MOVSD: a load clears the rest of the register, a register move keeps it.</summary>
    private bool MoveScalar(DecodedInstruction d, int size)
    {
        if (!BeginSse() || !TryReadVector(d, d.Op1, out Vector128<byte> value))
        {
            return false;
        }

        if (d.Op0.Kind == OperandKind.Xmm && d.Op1.Kind == OperandKind.Xmm)
        {
            Vector128<byte> old = GetXmm(d.Op0.Index);
            value = size == 4
                ? old.AsUInt32().WithElement(0, value.AsUInt32()[0]).AsByte()
                : old.AsUInt64().WithElement(0, value.AsUInt64()[0]).AsByte();
        }

        return TryWriteVector(d, d.Op0, value);
    }

    /// <summary>Moves one half; memory always holds its 8 bytes at lane 0.</summary>
    private bool MoveHalf(DecodedInstruction d, int targetHalf, int sourceHalf)
    {
        if (!BeginSse() || !TryReadVector(d, d.Op1, out Vector128<byte> value))
        {
            return false;
        }

        ulong half = value.AsUInt64()[d.Op1.IsMemory ? 0 : sourceHalf];
        return d.Op0.IsMemory
            ? TryWrite64(d.Segment, EffectiveAddress(d), half)
            : TryWriteVector(d, d.Op0, GetXmm(d.Op0.Index).AsUInt64().WithElement(targetHalf, half).AsByte());
    }

    /// <summary>MASKMOVQ, MASKMOVDQU: bytes whose mask has its top bit set go to DS:EDI.</summary>
    private bool MoveMasked(DecodedInstruction d)
    {
        Operand source = d.Op1.Kind is OperandKind.Xmm or OperandKind.Mmx && d.Op0.IsMemory ? d.Op1 : d.Op0;
        Operand mask = d.Op0.IsMemory ? d.Op2 : d.Op1;
        bool mmx = mask.Kind == OperandKind.Mmx;
        if (!(mmx ? BeginMmx() : BeginSse()))
        {
            return false;
        }

        TryReadVector(d, source, out Vector128<byte> value);
        TryReadVector(d, mask, out Vector128<byte> select);
        for (int i = 0; i < mask.Size; i++)
        {
            if (select[i] >> 7 != 0 && !TryWrite(d.Segment, Gpr(VcpuState.Edi) + (uint)i & d.AddressMask, 1, value[i]))
            {
                return false;
            }
        }

        if (mmx)
        {
            EnterMmx();
        }

        return true;
    }
}
