// Far returns, and the part that they share with IRET (SDM vol. 2, RET and IRET).
namespace Runtime.Engines.Interpreter;

public sealed partial class Cpu
{
    private bool FarReturn(DecodedInstruction d)
    {
        uint sp = StackPointer;
        uint release = d.Op0.Kind == OperandKind.Immediate ? d.Immediate & 0xFFFF : 0;
        if (!TryPop(ref sp, d.OperandSize, out uint offset) || !TryPop(ref sp, d.OperandSize, out uint popped))
        {
            return false;
        }

        var selector = (ushort)popped;
        if (_protected)
        {
            return ReturnTo(selector, offset, sp + release & _stackMask, d.OperandSize, release, null);
        }

        if (offset > _codeLimit)
        {
            return GeneralProtection();
        }

        SetSegment(SegmentIndex.Cs, RealModeSegment(SegmentIndex.Cs, selector));
        SetStackPointer(sp + release);
        _nextEip = offset;
        return true;
    }

    /// <summary>The protected-mode part that RETF and IRET share: checks, outer stack, commit.</summary>
    /// <param name="sp">Stack pointer after what was popped so far.</param>
    /// <param name="flags">EFLAGS popped by IRET.</param>
    private bool ReturnTo(ushort selector, uint offset, uint sp, int size, uint release, uint? flags)
    {
        uint error = selector & 0xFFFCu;
        int rpl = selector & 3;
        if (selector < 4)
        {
            return GeneralProtection();
        }

        if (!TryReadDescriptor(selector, ExceptionVector.GeneralProtection, 0, out Descriptor code, out uint at))
        {
            return false;
        }

        if (!code.IsCode || rpl < _state.Cpl || (code.IsConforming ? code.Dpl > rpl : code.Dpl != rpl))
        {
            return RecordFault(ExceptionVector.GeneralProtection, error);
        }

        if (!code.IsPresent)
        {
            return RecordFault(ExceptionVector.SegmentNotPresent, error);
        }

        if (rpl == _state.Cpl)
        {
            if (offset > code.Limit)
            {
                return GeneralProtection();
            }

            uint sameFlags = flags is { } popped ? MergeFlags(popped, size) : 0;
            if (!TryEnterCode(selector, rpl, code, at, offset))
            {
                return false;
            }

            SetStackPointer(sp);
            return flags is null || CommitFlags(sameFlags);
        }

        if (!TryPop(ref sp, size, out uint newSp) || !TryPop(ref sp, size, out uint newSs)
            || !TryCheckStackSegment((ushort)newSs, rpl, ExceptionVector.GeneralProtection, 0, out SegmentRegister stack))
        {
            return false;
        }

        if (offset > code.Limit)
        {
            return GeneralProtection();
        }

        uint outerFlags = flags is { } outer ? MergeFlags(outer, size) : 0;
        if (!TryEnterCode(selector, rpl, code, at, offset))
        {
            return false;
        }

        SetSegment(SegmentIndex.Ss, stack);
        if (stack.Is32Bit && size == 4)
        {
            Gpr(VcpuState.Esp) = newSp + release;
        }
        else
        {
            // The upper half of ESP survives a return to a 16-bit stack.
            SetStackPointer(newSp + release);
        }

        DropInnerSegments();
        return flags is null || CommitFlags(outerFlags);
    }

    private bool CommitFlags(uint flags)
    {
        SetFlags(flags);
        return true;
    }
}
