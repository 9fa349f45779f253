// Packing, unpacking, shuffling, inserting and extracting (SDM vol. 1, 5.4.2, 5.6.2, 10.4.4).
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Iced.Intel;

namespace Runtime.Engines.Interpreter;

public sealed partial class Cpu
{
    private void RegisterVectorShuffle()
    {
        OnVector(Mnemonic.Punpcklbw, (a, b, w) => Interleave(a, b, w, 1, false));
        OnVector(Mnemonic.Punpcklwd, (a, b, w) => Interleave(a, b, w, 2, false));
        OnVector(Mnemonic.Punpckldq, (a, b, w) => Interleave(a, b, w, 4, false));
        OnVector(Mnemonic.Punpcklqdq, (a, b, w) => Interleave(a, b, w, 8, false));
        OnVector(Mnemonic.Punpckhbw, (a, b, w) => Interleave(a, b, w, 1, true));
        OnVector(Mnemonic.Punpckhwd, (a, b, w) => Interleave(a, b, w, 2, true));
        OnVector(Mnemonic.Punpckhdq, (a, b, w) => Interleave(a, b, w, 4, true));
        OnVector(Mnemonic.Punpckhqdq, (a, b, w) => Interleave(a, b, w, 8, true));
        OnVector(Mnemonic.Unpcklps, (a, b, w) => Interleave(a, b, w, 4, false));
        OnVector(Mnemonic.Unpckhps, (a, b, w) => Interleave(a, b, w, 4, true));
        OnVector(Mnemonic.Unpcklpd, (a, b, w) => Interleave(a, b, w, 8, false));
        OnVector(Mnemonic.Unpckhpd, (a, b, w) => Interleave(a, b, w, 8, true));
        OnVector(Mnemonic.Packsswb, (a, b, w) => PackWords(a, b, w, -128, 127));
        OnVector(Mnemonic.Packuswb, (a, b, w) => PackWords(a, b, w, 0, 255));
        OnVector(Mnemonic.Packssdw, PackDwords);
        OnShuffle(Mnemonic.Pshufd, (a, b, i) => Vector128.Create(b.AsUInt32()[i & 3], b.AsUInt32()[i >> 2 & 3], b.AsUInt32()[i >> 4 & 3], b.AsUInt32()[i >> 6]).AsByte());
        OnShuffle(Mnemonic.Pshufw, (a, b, i) => Vector128.Create(ShuffleWords(b.AsUInt64()[0], i), 0).AsByte());
        OnShuffle(Mnemonic.Pshuflw, (a, b, i) => Vector128.Create(ShuffleWords(b.AsUInt64()[0], i), b.AsUInt64()[1]).AsByte());
        OnShuffle(Mnemonic.Pshufhw, (a, b, i) => Vector128.Create(b.AsUInt64()[0], ShuffleWords(b.AsUInt64()[1], i)).AsByte());
        OnShuffle(Mnemonic.Shufps, (a, b, i) => Vector128.Create(a.AsUInt32()[i & 3], a.AsUInt32()[i >> 2 & 3], b.AsUInt32()[i >> 4 & 3], b.AsUInt32()[i >> 6]).AsByte());
        OnShuffle(Mnemonic.Shufpd, (a, b, i) => Vector128.Create(a.AsUInt64()[i & 1], b.AsUInt64()[i >> 1 & 1]).AsByte());
        _handlers.On(Mnemonic.Pextrw, ExtractWord);
        _handlers.On(Mnemonic.Pinsrw, InsertWord);
        _handlers.On(Mnemonic.Pmovmskb, d => MoveMask(d, 1));
        _handlers.On(Mnemonic.Movmskps, d => MoveMask(d, 4));
        _handlers.On(Mnemonic.Movmskpd, d => MoveMask(d, 8));
    }

    private static Vector128<byte> Interleave(Vector128<byte> a, Vector128<byte> b, int width, int element, bool high)
    {
        Span<byte> r = stackalloc byte[16];
        int from = high ? width / 2 : 0;
        for (int i = 0; i < width / 2; i++)
        {
            int place = i / element * 2 * element + i % element;
            r[place] = a[from + i];
            r[place + element] = b[from + i];
        }

        return Vector128.Create<byte>(r);
    }

    private static Vector128<byte> PackWords(Vector128<byte> a, Vector128<byte> b, int width, int low, int high)
    {
        Span<byte> r = stackalloc byte[16];
        for (int i = 0; i < width / 2; i++)
        {
            r[i] = (byte)Math.Clamp((int)a.AsInt16()[i], low, high);
            r[width / 2 + i] = (byte)Math.Clamp((int)b.AsInt16()[i], low, high);
        }

        return Vector128.Create<byte>(r);
    }

    private static Vector128<byte> PackDwords(Vector128<byte> a, Vector128<byte> b, int width)
    {
        Span<short> r = stackalloc short[8];
        for (int i = 0; i < width / 4; i++)
        {
            r[i] = (short)Math.Clamp(a.AsInt32()[i], short.MinValue, short.MaxValue);
            r[width / 4 + i] = (short)Math.Clamp(b.AsInt32()[i], short.MinValue, short.MaxValue);
        }

        return Vector128.Create<short>(r).AsByte();
    }

    private static ulong ShuffleWords(ulong value, int order)
    {
        ulong result = 0;
        for (int i = 0; i < 4; i++)
        {
            result |= (value >> (order >> 2 * i & 3) * 16 & 0xFFFF) << 16 * i;
        }

        return result;
    }

    private void OnShuffle(Mnemonic mnemonic, Func<Vector128<byte>, Vector128<byte>, int, Vector128<byte>> shuffle)
        => _handlers.On(mnemonic, d => BinaryVector(d, (a, b, _) => shuffle(a, b, (int)(d.Immediate & 0xFF))));

    private bool ExtractWord(DecodedInstruction d)
    {
        if (!BeginVector(d) || !TryReadVector(d, d.Op1, out Vector128<byte> value))
        {
            return false;
        }

        bool mmx = UsesMmx(d);
        Gpr(d.Op0.Index) = value.AsUInt16()[(int)(d.Immediate & (mmx ? 3u : 7))];
        if (mmx)
        {
            EnterMmx();
        }

        return true;
    }

    private bool InsertWord(DecodedInstruction d)
    {
        uint word;
        if (!BeginVector(d))
        {
            return false;
        }

        if (d.Op1.IsMemory)
        {
            if (!TryRead(d.Segment, EffectiveAddress(d), 2, out word))
            {
                return false;
            }
        }
        else
        {
            word = Gpr(d.Op1.Index);
        }

        TryReadVector(d, d.Op0, out Vector128<byte> value);
        int lane = (int)(d.Immediate & (UsesMmx(d) ? 3u : 7));
        return TryWriteVector(d, d.Op0, value.AsUInt16().WithElement(lane, (ushort)word).AsByte());
    }

    private bool MoveMask(DecodedInstruction d, int element)
    {
        if (!BeginVector(d) || !TryReadVector(d, d.Op1, out Vector128<byte> value))
        {
            return false;
        }

        uint mask = 0;
        for (int i = 0; i < d.Op1.Size / element; i++)
        {
            mask |= (uint)value[i * element + element - 1] >> 7 << i;
        }

        Gpr(d.Op0.Index) = mask;
        if (UsesMmx(d))
        {
            EnterMmx();
        }

        return true;
    }
}
