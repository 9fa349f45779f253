// LZMA: a range coder with adaptive bit models over an LZ77 dictionary (Igor Pavlov's lzma-specification.txt). The output buffer is the
// dictionary.
using System.Runtime.CompilerServices;

namespace Rewriter.Images.Compression;

/// <summary>The state of one LZMA stream: bit models, last distances, dictionary position. LZMA2 and .lzma drive it.</summary>
/// <param name="origin">File offset of the packed data, for messages.</param>
public sealed class LzmaDecoder(OutputBuffer output, long origin)
{
    /// <summary>Zero bytes that must follow the input: one symbol reads at most this far past what it needs, and is checked
    /// afterwards.</summary>
    public const int InputPadding = 64;

    // Offsets of the model groups in one array; "position states" are the low bits of the output position.
    const int IsMatch = 0;
    const int IsRep = IsMatch + (12 << 4);
    const int IsRepG0 = IsRep + 12;
    const int IsRepG1 = IsRepG0 + 12;
    const int IsRepG2 = IsRepG1 + 12;
    const int IsRep0Long = IsRepG2 + 12;
    const int DistanceSlot = IsRep0Long + (12 << 4);
    const int DistanceSpecial = DistanceSlot + (4 << 6);
    const int DistanceAlign = DistanceSpecial + 128;
    const int MatchLength = DistanceAlign + 16;
    const int RepLength = MatchLength + LengthModels;
    const int Literal = RepLength + LengthModels;

    // A length coder: two choice bits, 16 position states of 8 low and 8 middle lengths, 256 high ones.
    const int LengthLow = 2;
    const int LengthMiddle = LengthLow + (16 << 3);
    const int LengthHigh = LengthMiddle + (16 << 3);
    const int LengthModels = LengthHigh + 256;

    const int LongestMatch = 273;
    const int StepSize = 1 << 20;
    const uint TopValue = 1 << 24;
    const ushort EvenOdds = 1 << 10;

    ushort[] _models = [];
    int _literalContextBits;
    int _literalPositionMask;
    int _positionMask;
    int _state;
    int _rep0;
    int _rep1;
    int _rep2;
    int _rep3;
    uint _range;
    uint _code;

    /// <summary>Where the dictionary begins in the output: nothing before it may be referred to.</summary>
    public int DictionaryStart { get; set; }

    /// <summary>Whether an end marker has been decoded.</summary>
    public bool HasEnded { get; private set; }

    /// <summary>Sets lc, lp and pb from the property byte and forgets all models.</summary>
    public void SetProperties(byte properties)
    {
        if (properties >= 9 * 5 * 5)
        {
            throw new BadImageException($"lzma property byte 0x{properties:x2} is not valid", origin);
        }

        int lc = properties % 9;
        int lp = properties / 9 % 5;
        int pb = properties / 45;
        _literalContextBits = lc;
        _literalPositionMask = (1 << lp) - 1;
        _positionMask = (1 << pb) - 1;
        _models = new ushort[Literal + (0x300 << (lc + lp))];
        ResetState();
    }

    public bool HasProperties => _models.Length != 0;

    public void ResetState()
    {
        Array.Fill(_models, EvenOdds);
        _state = 0;
        _rep0 = _rep1 = _rep2 = _rep3 = 0;
    }

    /// <summary>Starts the range coder: five bytes, the first of which is zero.</summary>
    public void StartRange(ReadOnlySpan<byte> input)
    {
        if (input.Length < 5 || input[0] != 0)
        {
            throw new BadImageException("lzma stream does not begin with a range coder", origin);
        }

        _range = uint.MaxValue;
        _code = (uint)((input[1] << 24) | (input[2] << 16) | (input[3] << 8) | input[4]);
    }

    /// <summary>Decodes until the output has grown by <paramref name="count"/> bytes or the end marker comes.</summary>
    /// <param name="input">Packed bytes followed by <see cref="InputPadding"/> bytes of zero.</param>
    /// <param name="at">Position in the input; advanced.</param>
    public void Decode(ReadOnlySpan<byte> input, ref int at, int count)
    {
        int limit = output.Length + count;
        while (output.Length < limit && !HasEnded)
        {
            // In steps, so that memory is only taken for what really comes; the last match of a step may overrun it.
            int step = Math.Min(limit - output.Length, StepSize);
            byte[] bytes = output.Reserve(Math.Min(limit - output.Length, StepSize + LongestMatch));
            DecodeStep(input, ref at, bytes, step, limit);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void DecodeStep(ReadOnlySpan<byte> input, ref int at, byte[] bytes, int step, int limit)
    {
        int inputEnd = input.Length - InputPadding;
        int position = output.Length;
        int first = position;
        int stepEnd = position + step;
        int state = _state;
        ushort[] models = _models;
        var range = new RangeCoder(input, at, _range, _code);
        while (position < stepEnd)
        {
            int positionState = (position - DictionaryStart) & _positionMask;
            if (range.Bit(ref models[IsMatch + (state << 4) + positionState]) == 0)
            {
                int previous = position > DictionaryStart ? bytes[position - 1] : 0;
                int group = (((position - DictionaryStart) & _literalPositionMask) << _literalContextBits)
                    + (previous >> (8 - _literalContextBits));
                Span<ushort> literal = models.AsSpan(Literal + (0x300 * group), 0x300);
                bytes[position] = state < 7
                    ? (byte)range.Tree(literal, 0, 8)
                    : MatchedLiteral(ref range, literal, position > _rep0 ? bytes[position - _rep0 - 1] : (byte)0);
                position++;
                state = state < 4 ? 0 : state < 10 ? state - 3 : state - 6;
            }
            else
            {
                int length = DecodeMatch(ref range, models, positionState, ref state);
                if (length < 0)
                {
                    HasEnded = true;
                    break;
                }

                // rep0 counts from 0; the unsigned compare also refuses distances of 2^31 and more.
                if ((uint)_rep0 >= (uint)(position - DictionaryStart))
                {
                    throw new BadImageException("lzma match reaches before its dictionary", origin + range.Position);
                }

                if (length > limit - position)
                {
                    throw new BadImageException("lzma match is longer than its chunk", origin + range.Position);
                }

                Copy(bytes, position, _rep0 + 1, length);
                position += length;
            }

            if (range.Position > inputEnd)
            {
                throw new BadImageException("lzma data ends too early", origin + inputEnd);
            }
        }

        output.Commit(position - first);
        _state = state;
        (at, _range, _code) = range.Save();
    }

    /// <summary>Returns the length, or -1 for the end marker; sets the distances and the state.</summary>
    int DecodeMatch(ref RangeCoder range, ushort[] models, int positionState, ref int state)
    {
        if (range.Bit(ref models[IsRep + state]) == 0)
        {
            (_rep3, _rep2, _rep1) = (_rep2, _rep1, _rep0);
            state = state < 7 ? 7 : 10;
            int matchLength = DecodeLength(ref range, models.AsSpan(MatchLength, LengthModels), positionState);
            _rep0 = DecodeDistance(ref range, models, matchLength);
            return _rep0 == -1 ? -1 : matchLength;
        }

        if (range.Bit(ref models[IsRepG0 + state]) == 0)
        {
            if (range.Bit(ref models[IsRep0Long + (state << 4) + positionState]) == 0)
            {
                state = state < 7 ? 9 : 11;
                return 1;
            }
        }
        else if (range.Bit(ref models[IsRepG1 + state]) == 0)
        {
            (_rep1, _rep0) = (_rep0, _rep1);
        }
        else if (range.Bit(ref models[IsRepG2 + state]) == 0)
        {
            (_rep2, _rep1, _rep0) = (_rep1, _rep0, _rep2);
        }
        else
        {
            (_rep3, _rep2, _rep1, _rep0) = (_rep2, _rep1, _rep0, _rep3);
        }

        state = state < 7 ? 8 : 11;
        return DecodeLength(ref range, models.AsSpan(RepLength, LengthModels), positionState);
    }

    static byte MatchedLiteral(ref RangeCoder range, Span<ushort> literal, byte matched)
    {
        int symbol = 1;
        int offset = 0x100;
        int match = matched;
        while (symbol < 0x100)
        {
            match <<= 1;
            int matchBit = match & offset;
            int bit = range.Bit(ref literal[offset + matchBit + symbol]);
            symbol = (symbol << 1) | bit;
            offset &= bit == 0 ? ~matchBit : matchBit;
        }

        return (byte)symbol;
    }

    static int DecodeLength(ref RangeCoder range, Span<ushort> models, int positionState)
    {
        if (range.Bit(ref models[0]) == 0)
        {
            return 2 + range.Tree(models, LengthLow + (positionState << 3), 3);
        }

        return range.Bit(ref models[1]) == 0
            ? 10 + range.Tree(models, LengthMiddle + (positionState << 3), 3)
            : 18 + range.Tree(models, LengthHigh, 8);
    }

    static int DecodeDistance(ref RangeCoder range, ushort[] models, int length)
    {
        int slot = range.Tree(models, DistanceSlot + (Math.Min(length - 2, 3) << 6), 6);
        if (slot < 4)
        {
            return slot;
        }

        int footerBits = (slot >> 1) - 1;
        int distance = (2 | (slot & 1)) << footerBits;
        return slot < 14
            ? distance + range.ReverseTree(models, DistanceSpecial + distance - slot, footerBits)
            : distance + (range.Direct(footerBits - 4) << 4) + range.ReverseTree(models, DistanceAlign, 4);
    }

    static void Copy(byte[] bytes, int position, int distance, int length)
    {
        Span<byte> to = bytes.AsSpan(position, length);
        ReadOnlySpan<byte> from = bytes.AsSpan(position - distance, length);
        if (distance >= length)
        {
            from.CopyTo(to);
            return;
        }

        for (int i = 0; i < to.Length; i++)
        {
            to[i] = from[i];
        }
    }

    /// <summary>The range coder's registers, kept on the stack while a chunk is decoded.</summary>
    ref struct RangeCoder(ReadOnlySpan<byte> input, int at, uint range, uint code)
    {
        readonly ReadOnlySpan<byte> _input = input;
        uint _range = range;
        uint _code = code;

        public int Position { get; private set; } = at;

        public readonly (int At, uint Range, uint Code) Save() => (Position, _range, _code);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public int Bit(ref ushort model)
        {
            uint odds = model;
            uint bound = (_range >> 11) * odds;
            int bit;
            if (_code < bound)
            {
                _range = bound;
                model = (ushort)(odds + ((2048 - odds) >> 5));
                bit = 0;
            }
            else
            {
                _range -= bound;
                _code -= bound;
                model = (ushort)(odds - (odds >> 5));
                bit = 1;
            }

            if (_range < TopValue)
            {
                _range <<= 8;
                _code = (_code << 8) | _input[Position++];
            }

            return bit;
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public int Tree(Span<ushort> models, int offset, int bits)
        {
            int symbol = 1;
            for (int i = 0; i < bits; i++)
            {
                symbol = (symbol << 1) | Bit(ref models[offset + symbol]);
            }

            return symbol - (1 << bits);
        }

        public int ReverseTree(ushort[] models, int offset, int bits)
        {
            int symbol = 1;
            int value = 0;
            for (int i = 0; i < bits; i++)
            {
                int bit = Bit(ref models[offset + symbol]);
                symbol = (symbol << 1) | bit;
                value |= bit << i;
            }

            return value;
        }

        public int Direct(int bits)
        {
            int value = 0;
            for (int i = 0; i < bits; i++)
            {
                _range >>= 1;
                uint below = (_code - _range) >> 31; // 1 where the code lies below the half
                _code -= _range & (below - 1);
                value = (value << 1) | (int)(1 - below);
                if (_range < TopValue)
                {
                    _range <<= 8;
                    _code = (_code << 8) | _input[Position++];
                }
            }

            return value;
        }
    }
}
