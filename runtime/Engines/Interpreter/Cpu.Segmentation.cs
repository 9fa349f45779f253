// From segment:offset to linear, with the checks of SDM vol. 3, 5.3 and 5.4.
namespace Runtime.Engines.Interpreter;

public sealed partial class Cpu
{
    /// <summary>Protected mode and not virtual-8086 mode.</summary>
    private bool _protected;
    private uint _codeLimit;

    private static bool IsExpandDown(in SegmentRegister s) => (s.Type & 0xC) == 4;

    private bool TryLinear(SegmentIndex segment, uint offset, int size, bool write, out uint linear)
    {
        ref SegmentRegister s = ref Segment(segment);
        linear = s.Base + offset;
        if (!IsWithin(s, offset, size) || (_protected && !AllowsAccess(s, write)))
        {
            return RecordFault(segment == SegmentIndex.Ss ? ExceptionVector.StackFault : ExceptionVector.GeneralProtection, 0);
        }

        // SDM vol. 3, 6.15, #AC: natural alignment of the datum; wider operands are checked as dwords or by their instruction.
        if (_alignmentCheck && (linear & (uint)(Math.Min(size, 8) - 1)) != 0 && size is 2 or 4 or 8)
        {
            return RecordFault(ExceptionVector.AlignmentCheck, 0);
        }

        if (_dataBreakpoints)
        {
            NoteDataBreakpoints(linear, size, write);
        }

        return true;
    }

    private static bool AllowsAccess(in SegmentRegister s, bool write)
        => s.IsUsable && (write ? (s.Type & 0xA) == 2 : (s.Type & 0xA) != 8);

    /// <summary>The limit check (SDM vol. 3, 5.3), expand-down segments included.</summary>
    private static bool IsWithin(in SegmentRegister s, uint offset, int size)
    {
        uint last = offset + (uint)size - 1;
        if (last < offset)
        {
            // 4 GiB segments wrap on processors of the P6 family; the access is then to two ends of one flat segment.
            return s.Limit == uint.MaxValue && !IsExpandDown(s);
        }

        if (!IsExpandDown(s) || !s.IsCodeOrData)
        {
            return last <= s.Limit;
        }

        return offset > s.Limit && last <= (s.Is32Bit ? uint.MaxValue : 0xFFFF);
    }
}
