// String instructions (SDM vol. 1, 5.1.8). A repeated one runs in bounded chunks: registers are exact after each element, and while
// iterations are left EIP stays on the instruction, so that faults and interrupts see what hardware shows (SDM vol. 2, REP).
using Iced.Intel;

namespace Runtime.Engines.Interpreter;

public sealed partial class Cpu
{
    private const int StringChunk = 4096;

    /// <summary>What a page of a bulk move counts for, in elements.</summary>
    private const int PagePrice = 16;

    private void RegisterStrings()
    {
        RegisterString(MoveStringElement, false, Mnemonic.Movsb, Mnemonic.Movsw, Mnemonic.Movsd);
        RegisterString(StoreStringElement, false, Mnemonic.Stosb, Mnemonic.Stosw, Mnemonic.Stosd);
        RegisterString(LoadStringElement, false, Mnemonic.Lodsb, Mnemonic.Lodsw, Mnemonic.Lodsd);
        RegisterString(CompareStringElement, true, Mnemonic.Cmpsb, Mnemonic.Cmpsw, Mnemonic.Cmpsd);
        RegisterString(ScanStringElement, true, Mnemonic.Scasb, Mnemonic.Scasw, Mnemonic.Scasd);
    }

    private void RegisterString(Handler element, bool compares, params ReadOnlySpan<Mnemonic> mnemonics)
    {
        foreach (Mnemonic mnemonic in mnemonics)
        {
            _handlers.On(mnemonic, d => d.Repeat || d.RepeatNot ? RepeatString(d, element, compares) : element(d));
        }
    }

    private bool RepeatString(DecodedInstruction d, Handler element, bool compares)
    {
        ref uint ecx = ref Gpr(VcpuState.Ecx);
        uint mask = d.AddressMask;

        // One element at a time while a trap may be due after each.
        int budget = (_state.Eflags & FlagBits.Tf) != 0 || _dataBreakpoints ? 1 : StringChunk;
        bool isBulk = CanBeBulk(d);
        while ((ecx & mask) != 0)
        {
            // An element brings the translations for those behind it; what a bulk move leaves over goes on element by element.
            int pages = isBulk ? MoveBulk(d) : 0;
            budget -= pages * PagePrice;
            if ((ecx & mask) == 0)
            {
                break;
            }

            if (budget-- <= 0)
            {
                _nextEip = _state.Eip;
                return true;
            }

            if (!element(d))
            {
                return false;
            }

            ecx = ecx & ~mask | ecx - 1 & mask;
            if (compares && (_state.Eflags & FlagBits.Zf) != 0 == d.RepeatNot)
            {
                break;
            }
        }

        return true;
    }

    private static int ElementSize(DecodedInstruction d) => d.Mnemonic switch
    {
        Mnemonic.Movsb or Mnemonic.Stosb or Mnemonic.Lodsb or Mnemonic.Cmpsb or Mnemonic.Scasb or Mnemonic.Insb or Mnemonic.Outsb => 1,
        Mnemonic.Movsw or Mnemonic.Stosw or Mnemonic.Lodsw or Mnemonic.Cmpsw or Mnemonic.Scasw or Mnemonic.Insw or Mnemonic.Outsw => 2,
        _ => 4,
    };

    private void Advance(int register, DecodedInstruction d, int by)
    {
        ref uint value = ref Gpr(register);
        uint step = (_state.Eflags & FlagBits.Df) != 0 ? (uint)-by : (uint)by;
        value = value & ~d.AddressMask | value + step & d.AddressMask;
    }

    private bool MoveStringElement(DecodedInstruction d)
    {
        int size = ElementSize(d);
        if (!TryRead(d.Segment, Gpr(VcpuState.Esi) & d.AddressMask, size, out uint value)
            || !TryWrite(SegmentIndex.Es, Gpr(VcpuState.Edi) & d.AddressMask, size, value))
        {
            return false;
        }

        Advance(VcpuState.Esi, d, size);
        Advance(VcpuState.Edi, d, size);
        return true;
    }

    private bool StoreStringElement(DecodedInstruction d)
    {
        int size = ElementSize(d);
        if (!TryWrite(SegmentIndex.Es, Gpr(VcpuState.Edi) & d.AddressMask, size, ReadRegister(VcpuState.Eax, size)))
        {
            return false;
        }

        Advance(VcpuState.Edi, d, size);
        return true;
    }

    private bool LoadStringElement(DecodedInstruction d)
    {
        int size = ElementSize(d);
        if (!TryRead(d.Segment, Gpr(VcpuState.Esi) & d.AddressMask, size, out uint value))
        {
            return false;
        }

        WriteRegister(VcpuState.Eax, size, value);
        Advance(VcpuState.Esi, d, size);
        return true;
    }

    private bool CompareStringElement(DecodedInstruction d)
    {
        int size = ElementSize(d);
        if (!TryRead(d.Segment, Gpr(VcpuState.Esi) & d.AddressMask, size, out uint a)
            || !TryRead(SegmentIndex.Es, Gpr(VcpuState.Edi) & d.AddressMask, size, out uint b))
        {
            return false;
        }

        Alu.Subtract(ref _state.Eflags, a, b, 0, size);
        Advance(VcpuState.Esi, d, size);
        Advance(VcpuState.Edi, d, size);
        return true;
    }

    private bool ScanStringElement(DecodedInstruction d)
    {
        int size = ElementSize(d);
        if (!TryRead(SegmentIndex.Es, Gpr(VcpuState.Edi) & d.AddressMask, size, out uint b))
        {
            return false;
        }

        Alu.Subtract(ref _state.Eflags, ReadRegister(VcpuState.Eax, size), b, 0, size);
        Advance(VcpuState.Edi, d, size);
        return true;
    }

    /// <summary>Forward REP MOVS and REP STOS between flat segments.</summary>
    private bool CanBeBulk(DecodedInstruction d)
    {
        bool move = d.Mnemonic is Mnemonic.Movsb or Mnemonic.Movsw or Mnemonic.Movsd;
        return (move || d.Mnemonic is Mnemonic.Stosb or Mnemonic.Stosw or Mnemonic.Stosd) && d.AddressMask == uint.MaxValue
            && (_state.Eflags & (FlagBits.Df | FlagBits.Tf)) == 0 && (_flatWrite >> (int)SegmentIndex.Es & 1) != 0
            && (!move || (_flatRead >> (int)d.Segment & 1) != 0);
    }

    /// <summary>As far as the pages already translated reach, sixteen at most.</summary>
    /// <returns>How many pages something was moved in.</returns>
    private int MoveBulk(DecodedInstruction d)
    {
        bool move = d.Mnemonic is Mnemonic.Movsb or Mnemonic.Movsw or Mnemonic.Movsd;
        int size = ElementSize(d);
        int pages = 0;
        for (; pages < 16; pages++)
        {
            uint source = Gpr(VcpuState.Esi);
            uint target = Gpr(VcpuState.Edi);
            uint room = 0x1000 - (target & 0xFFF);
            room = move ? Math.Min(room, 0x1000 - (source & 0xFFF)) : room;
            uint bytes = Math.Min(room / (uint)size, Gpr(VcpuState.Ecx)) * (uint)size;
            if (bytes == 0 || !TryCachedSpan(target, (int)bytes, true, out Span<byte> to))
            {
                return pages;
            }

            if (move)
            {
                if (!TryCachedSpan(source, (int)bytes, false, out Span<byte> from) || from.Overlaps(to, out _))
                {
                    return pages;
                }

                from.CopyTo(to);
                Gpr(VcpuState.Esi) += bytes;
            }
            else
            {
                FillPattern(to, size);
            }

            Gpr(VcpuState.Edi) += bytes;
            Gpr(VcpuState.Ecx) -= bytes / (uint)size;
        }

        return pages;
    }

    private void FillPattern(Span<byte> to, int size)
    {
        uint value = Gpr(VcpuState.Eax);
        if (size == 1)
        {
            to.Fill((byte)value);
        }
        else if (size == 2)
        {
            System.Runtime.InteropServices.MemoryMarshal.Cast<byte, ushort>(to).Fill((ushort)value);
        }
        else
        {
            System.Runtime.InteropServices.MemoryMarshal.Cast<byte, uint>(to).Fill(value);
        }
    }

    private bool TryCachedSpan(uint linear, int length, bool write, out Span<byte> span)
    {
        span = default;
        ref TlbEntry entry = ref _tlb[linear >> 12 & TlbMask];
        if ((write ? entry.Write : entry.Read) != (_tlbGeneration | linear >> 12) || entry.Physical >= _memory.Length
            || (write && FrameFlags is { } flags && flags[entry.Physical >> 12] != 0))
        {
            return false;
        }

        span = _memory.Slice(new Runtime.Memory.GuestPhysicalAddress(entry.Physical + (linear & 0xFFF)), length);
        return true;
    }
}
