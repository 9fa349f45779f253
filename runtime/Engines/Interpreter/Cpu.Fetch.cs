// Instruction fetch: the cache of decoded instructions, the code view and the overlay, instructions that cross a page.
using System.Runtime.Intrinsics;

namespace Runtime.Engines.Interpreter;

public sealed partial class Cpu
{
    /// <summary>Set in <see cref="DecodedInstruction.Key"/> for bytes of the overlay: the rest is a linear address.</summary>
    internal const ulong OverlayKey = 1ul << 62;
    private const ulong Code16Key = 1ul << 63;
    private const int CacheSize = 1 << 16;
    private const int MaxLength = 15;

    private readonly DecodedInstruction?[] _cache = new DecodedInstruction?[CacheSize];
    private uint _codeBase;
    private uint _codeFastLimit;
    private ulong _codeKey;
    private bool _code32;
    private bool _fetchesOriginal;

    private static int CacheIndex(ulong key) => (int)(key ^ key >> 16) & (CacheSize - 1);

    private DecodedInstruction? DecodeAt(ulong key, Vector128<byte> bytes)
    {
        Span<byte> buffer = stackalloc byte[16];
        bytes.CopyTo(buffer);
        return Decode(key, buffer[..MaxLength], out bool more) ?? Undecodable(more);
    }

    private DecodedInstruction? Decode(ulong key, ReadOnlySpan<byte> bytes, out bool more)
    {
        InstructionDecoder.Outcome outcome = _decoder.Decode(bytes, _code32, out DecodedInstruction? d);
        more = outcome == InstructionDecoder.Outcome.MoreBytes;
        if (d is null)
        {
            return null;
        }

        d.Key = key | _codeKey;
        _cache[CacheIndex(key)] = d;
        return d;
    }

    /// <summary>15 bytes were there and it is no instruction: too long is #GP, the rest #UD (SDM vol. 3, 6.15).</summary>
    private DecodedInstruction? Undecodable(bool tooLong)
    {
        if (tooLong)
        {
            RecordFault(ExceptionVector.GeneralProtection, 0);
        }
        else
        {
            RecordFault(ExceptionVector.InvalidOpcode);
        }

        return null;
    }

    private DecodedInstruction? FetchSlow(uint eip)
    {
        if (_faultVector >= 0)
        {
            return null;
        }

        if (eip > _codeLimit)
        {
            RecordFault(ExceptionVector.GeneralProtection, 0);
            return null;
        }

        uint linear = _codeBase + eip;
        int allowed = (int)Math.Min(MaxLength, (ulong)_codeLimit - eip + 1);
        int first = Math.Min(allowed, 0x1000 - (int)(linear & 0xFFF));
        Span<byte> buffer = stackalloc byte[16];
        buffer.Clear();
        if (!TryFetchBytes(linear, buffer[..first], out ulong key))
        {
            return null;
        }

        int have = first;
        while (true)
        {
            if (_cache[CacheIndex(key)] is { } cached && cached.Key == (key | _codeKey) && cached.Length <= have
                && (Vector128.Create<byte>(buffer) & cached.Mask) == cached.Bytes)
            {
                return cached;
            }

            if (Decode(key, buffer[..have], out bool more) is { } d)
            {
                return d;
            }

            if (!more || have == allowed)
            {
                return Undecodable(more);
            }

            // The instruction goes on in the next page; only now may that page fault.
            if (!TryFetchBytes(linear + (uint)have, buffer[have..allowed], out _))
            {
                return null;
            }

            have = allowed;
        }
    }

    /// <summary>Fetches bytes that lie in one page.</summary>
    private bool TryFetchBytes(uint linear, Span<byte> into, out ulong key)
    {
        key = OverlayKey | linear;
        if (CodeView is { } view && !_fetchesOriginal && view.IsShim(linear))
        {
            return Exit(new VmExit(VmExitReason.Shim));
        }

        if (Overlay is { } overlay && overlay.Covers(linear))
        {
            if (!overlay.Permits(linear, AccessKind.Fetch, _user))
            {
                return RecordPageFault(linear, OverlayFault(AccessKind.Fetch));
            }

            overlay.Bytes(linear, into.Length).CopyTo(into);
            return true;
        }

        if (!TryFillTlb(linear, AccessKind.Fetch, _user, out ulong physical))
        {
            return false;
        }

        key = physical;
        ReadOnlySpan<byte> page = CodeView is { } codeView && !_fetchesOriginal ? codeView.Page(linear & ~0xFFFu, (uint)(physical >> 12), _state.Cpl) : default;
        if (!page.IsEmpty)
        {
            page.Slice((int)(linear & 0xFFF), into.Length).CopyTo(into);
            return true;
        }

        for (int i = 0; i < into.Length; i++)
        {
            into[i] = _memory.Read8(physical + (uint)i);
        }

        return true;
    }

    private bool IsInOverlay(uint linear) => Overlay is { } overlay && overlay.Covers(linear);
}
