// Integer arithmetic, comparison, logic and shifts on MMX and XMM registers (SDM vol. 1, 5.4 and 5.6.3). Lanes beyond the width of an
// MMX register are computed and dropped.
using System.Runtime.Intrinsics;
using Iced.Intel;

namespace Runtime.Engines.Interpreter;

public sealed partial class Cpu
{
    private void RegisterVectorInteger()
    {
        OnVector(Mnemonic.Paddb, (a, b, _) => a + b);
        OnVector(Mnemonic.Paddw, (a, b, _) => (a.AsUInt16() + b.AsUInt16()).AsByte());
        OnVector(Mnemonic.Paddd, (a, b, _) => (a.AsUInt32() + b.AsUInt32()).AsByte());
        OnVector(Mnemonic.Paddq, (a, b, _) => (a.AsUInt64() + b.AsUInt64()).AsByte());
        OnVector(Mnemonic.Psubb, (a, b, _) => a - b);
        OnVector(Mnemonic.Psubw, (a, b, _) => (a.AsUInt16() - b.AsUInt16()).AsByte());
        OnVector(Mnemonic.Psubd, (a, b, _) => (a.AsUInt32() - b.AsUInt32()).AsByte());
        OnVector(Mnemonic.Psubq, (a, b, _) => (a.AsUInt64() - b.AsUInt64()).AsByte());
        OnBytes(Mnemonic.Paddsb, (a, b) => (byte)Math.Clamp((sbyte)a + (sbyte)b, -128, 127));
        OnBytes(Mnemonic.Psubsb, (a, b) => (byte)Math.Clamp((sbyte)a - (sbyte)b, -128, 127));
        OnBytes(Mnemonic.Paddusb, (a, b) => (byte)Math.Min(a + b, 255));
        OnBytes(Mnemonic.Psubusb, (a, b) => (byte)Math.Max(a - b, 0));
        OnBytes(Mnemonic.Pavgb, (a, b) => (byte)(a + b + 1 >> 1));
        OnWords(Mnemonic.Paddsw, (a, b) => (ushort)Math.Clamp((short)a + (short)b, -32768, 32767));
        OnWords(Mnemonic.Psubsw, (a, b) => (ushort)Math.Clamp((short)a - (short)b, -32768, 32767));
        OnWords(Mnemonic.Paddusw, (a, b) => (ushort)Math.Min(a + b, 65535));
        OnWords(Mnemonic.Psubusw, (a, b) => (ushort)Math.Max(a - b, 0));
        OnWords(Mnemonic.Pavgw, (a, b) => (ushort)(a + b + 1 >> 1));
        OnWords(Mnemonic.Pmullw, (a, b) => (ushort)(a * b));
        OnWords(Mnemonic.Pmulhw, (a, b) => (ushort)((short)a * (short)b >> 16));
        OnWords(Mnemonic.Pmulhuw, (a, b) => (ushort)((uint)a * b >> 16));
        OnVector(Mnemonic.Pmuludq, (a, b, _) => ((a.AsUInt64() & Vector128.Create(0xFFFF_FFFFul)) * (b.AsUInt64() & Vector128.Create(0xFFFF_FFFFul))).AsByte());
        OnVector(Mnemonic.Pmaddwd, MultiplyAdd);
        OnVector(Mnemonic.Psadbw, SumOfDifferences);
        OnVector(Mnemonic.Pmaxub, (a, b, _) => Vector128.Max(a, b));
        OnVector(Mnemonic.Pminub, (a, b, _) => Vector128.Min(a, b));
        OnVector(Mnemonic.Pmaxsw, (a, b, _) => Vector128.Max(a.AsInt16(), b.AsInt16()).AsByte());
        OnVector(Mnemonic.Pminsw, (a, b, _) => Vector128.Min(a.AsInt16(), b.AsInt16()).AsByte());
        OnVector(Mnemonic.Pcmpeqb, (a, b, _) => Vector128.Equals(a, b));
        OnVector(Mnemonic.Pcmpeqw, (a, b, _) => Vector128.Equals(a.AsInt16(), b.AsInt16()).AsByte());
        OnVector(Mnemonic.Pcmpeqd, (a, b, _) => Vector128.Equals(a.AsInt32(), b.AsInt32()).AsByte());
        OnVector(Mnemonic.Pcmpgtb, (a, b, _) => Vector128.GreaterThan(a.AsSByte(), b.AsSByte()).AsByte());
        OnVector(Mnemonic.Pcmpgtw, (a, b, _) => Vector128.GreaterThan(a.AsInt16(), b.AsInt16()).AsByte());
        OnVector(Mnemonic.Pcmpgtd, (a, b, _) => Vector128.GreaterThan(a.AsInt32(), b.AsInt32()).AsByte());
        foreach (Mnemonic and in (ReadOnlySpan<Mnemonic>)[Mnemonic.Pand, Mnemonic.Andps, Mnemonic.Andpd])
        {
            OnVector(and, (a, b, _) => a & b);
        }

        foreach (Mnemonic andNot in (ReadOnlySpan<Mnemonic>)[Mnemonic.Pandn, Mnemonic.Andnps, Mnemonic.Andnpd])
        {
            OnVector(andNot, (a, b, _) => ~a & b);
        }

        foreach (Mnemonic or in (ReadOnlySpan<Mnemonic>)[Mnemonic.Por, Mnemonic.Orps, Mnemonic.Orpd])
        {
            OnVector(or, (a, b, _) => a | b);
        }

        foreach (Mnemonic xor in (ReadOnlySpan<Mnemonic>)[Mnemonic.Pxor, Mnemonic.Xorps, Mnemonic.Xorpd])
        {
            OnVector(xor, (a, b, _) => a ^ b);
        }

        OnShift(Mnemonic.Psllw, 16, (v, n) => (v.AsUInt16() << n).AsByte());
        OnShift(Mnemonic.Pslld, 32, (v, n) => (v.AsUInt32() << n).AsByte());
        OnShift(Mnemonic.Psllq, 64, (v, n) => (v.AsUInt64() << n).AsByte());
        OnShift(Mnemonic.Psrlw, 16, (v, n) => (v.AsUInt16() >>> n).AsByte());
        OnShift(Mnemonic.Psrld, 32, (v, n) => (v.AsUInt32() >>> n).AsByte());
        OnShift(Mnemonic.Psrlq, 64, (v, n) => (v.AsUInt64() >>> n).AsByte());
        OnShift(Mnemonic.Psraw, -16, (v, n) => (v.AsInt16() >> n).AsByte());
        OnShift(Mnemonic.Psrad, -32, (v, n) => (v.AsInt32() >> n).AsByte());
        _handlers.On(Mnemonic.Pslldq, d => ShiftBytes(d, true));
        _handlers.On(Mnemonic.Psrldq, d => ShiftBytes(d, false));
        _handlers.On(Mnemonic.Emms, _ =>
        {
            if (!BeginMmx())
            {
                return false;
            }

            TurnToPhysicalOrder();
            FpuTags = 0;
            return true;
        });
    }

    private void OnBytes(Mnemonic mnemonic, Func<byte, byte, byte> lane)
        => OnVector(mnemonic, (a, b, _) =>
        {
            Span<byte> r = stackalloc byte[16];
            for (int i = 0; i < 16; i++)
            {
                r[i] = lane(a[i], b[i]);
            }

            return Vector128.Create<byte>(r);
        });

    private void OnWords(Mnemonic mnemonic, Func<ushort, ushort, ushort> lane)
        => OnVector(mnemonic, (a, b, _) =>
        {
            Span<ushort> r = stackalloc ushort[8];
            for (int i = 0; i < 8; i++)
            {
                r[i] = lane(a.AsUInt16()[i], b.AsUInt16()[i]);
            }

            return Vector128.Create<ushort>(r).AsByte();
        });

    private static Vector128<byte> MultiplyAdd(Vector128<byte> a, Vector128<byte> b, int width)
    {
        Span<int> r = stackalloc int[4];
        for (int i = 0; i < 4; i++)
        {
            r[i] = a.AsInt16()[2 * i] * b.AsInt16()[2 * i] + a.AsInt16()[2 * i + 1] * b.AsInt16()[2 * i + 1];
        }

        return Vector128.Create<int>(r).AsByte();
    }

    private static Vector128<byte> SumOfDifferences(Vector128<byte> a, Vector128<byte> b, int width)
    {
        ulong low = 0, high = 0;
        for (int i = 0; i < 8; i++)
        {
            low += (ulong)Math.Abs(a[i] - b[i]);
            high += (ulong)Math.Abs(a[i + 8] - b[i + 8]);
        }

        return Vector128.Create(low, high).AsByte();
    }

    /// <param name="bits">Lane width; negative for arithmetic shifts, which fill with the sign when the count is too large.</param>
    private void OnShift(Mnemonic mnemonic, int bits, Func<Vector128<byte>, int, Vector128<byte>> shift)
        => _handlers.On(mnemonic, d =>
        {
            Vector128<byte> count = Vector128.CreateScalar((ulong)(byte)d.Immediate).AsByte();
            if (!BeginVector(d) || (d.Op1.Kind != OperandKind.Immediate && !TryReadVector(d, d.Op1, out count))
                || !TryReadVector(d, d.Op0, out Vector128<byte> value))
            {
                return false;
            }

            ulong by = count.AsUInt64()[0];
            int lane = Math.Abs(bits);
            Vector128<byte> result = by < (ulong)lane ? shift(value, (int)by) : bits < 0 ? shift(value, lane - 1) : default;
            return TryWriteVector(d, d.Op0, result);
        });

    private bool ShiftBytes(DecodedInstruction d, bool left)
    {
        if (!BeginVector(d))
        {
            return false;
        }

        int by = Math.Min((int)(d.Immediate & 0xFF), 16);
        Span<byte> from = stackalloc byte[16], to = stackalloc byte[16];
        GetXmm(d.Op0.Index).CopyTo(from);
        to.Clear();
        if (left)
        {
            from[..(16 - by)].CopyTo(to[by..]);
        }
        else
        {
            from[by..].CopyTo(to);
        }

        SetXmm(d.Op0.Index, Vector128.Create<byte>(to));
        return true;
    }
}
