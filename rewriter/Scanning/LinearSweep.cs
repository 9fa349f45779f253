// Decodes a section from start to end. In code-only sections the result is the code; elsewhere it is a list of suspicions.
using Iced.Intel;

namespace Rewriter.Scanning;

/// <summary>A direct jump or call that a sweep saw.</summary>
/// <param name="Address">Where it goes.</param>
/// <param name="Source">Offset of the jump in its section.</param>
readonly record struct DirectTarget(ulong Address, int Source, bool IsCall);

/// <summary>What a sweep of one chunk found. Starts and flow marks go into the section's marks, each chunk its own bytes.</summary>
sealed class SweepResult
{
    public int InvalidCount;

    /// <summary>Where the chunk's last instruction ended: in step with the next chunk if that is its beginning.</summary>
    public int End;

    public List<DirectTarget> Targets { get; } = [];
    public List<int> CallReturns { get; } = [];
    public List<Instruction> Sites { get; } = [];
}

/// <summary>Linear sweep of a section, in chunks that may run side by side.</summary>
static class LinearSweep
{
    const byte Sensitive = 0x80;
    const byte KindMask = 0x0F;
    const byte Plain = 0;
    const byte Branch = 1;
    const byte FlowEnd = 2;
    const byte DirectCall = 3;
    const byte OtherCall = 4;
    const byte Invalid = 5;

    // By Iced code: what the sweep has to do with it. Zero, nothing, for nine in ten instructions.
    static readonly byte[] _workByCode = MakeWork();

    /// <summary>Sweeps a whole section and marks starts and flow in it.</summary>
    /// <param name="boundaries">Sorted offsets where an instruction is known to begin; chunks are cut there.</param>
    public static SweepResult Sweep(CodeSection section, IReadOnlyList<int> boundaries, int workers)
    {
        int length = section.Bytes.Length;
        List<int> cuts = [0, .. boundaries.Where(b => b > 0 && b < length).Take(workers - 1), length];
        var parts = new SweepResult[cuts.Count - 1];
        Parallel.For(0, parts.Length, new ParallelOptions { MaxDegreeOfParallelism = workers }, i => parts[i] =
            SweepChunk(section, section.MutableMarks, cuts[i], cuts[i + 1]));
        for (int i = 1; i < parts.Length; i++)
        {
            if (parts[i - 1].End != cuts[i])
            {
                // The cut was in the middle of an instruction: nothing of the parallel sweep is to be kept.
                section.MutableMarks.AsSpan().Clear();
                return SweepChunk(section, section.MutableMarks, 0, length);
            }
        }

        for (int i = 1; i < parts.Length; i++)
        {
            parts[0].InvalidCount += parts[i].InvalidCount;
            parts[0].Targets.AddRange(parts[i].Targets);
            parts[0].CallReturns.AddRange(parts[i].CallReturns);
            parts[0].Sites.AddRange(parts[i].Sites);
        }

        return parts[0];
    }

    /// <summary>Sweeps [start, end); the last instruction may overrun the end.</summary>
    /// <param name="marks">The section's own, or scratch where a sweep proves nothing.</param>
    public static SweepResult SweepChunk(CodeSection section, CodeMarks[] marks, int start, int end)
    {
        var result = new SweepResult();
        var reader = new InstructionReader(section);
        reader.MoveTo(section.Address + (ulong)start);
        int offset = start;
        while (offset < end)
        {
            reader.Read(out Instruction instruction);
            byte work = _workByCode[(int)instruction.Code];
            if (work == Invalid)
            {
                result.InvalidCount++;
                offset++;
                reader.MoveTo(section.Address + (ulong)offset);
                continue;
            }

            int next = offset + instruction.Length;
            marks[offset] |= CodeMarks.Start;
            if (work != Plain)
            {
                Note(result, instruction, work, offset, next, marks);
            }

            offset = next;
        }

        result.End = offset;
        return result;
    }

    static void Note(SweepResult result, in Instruction instruction, byte work, int offset, int next, CodeMarks[] marks)
    {
        if ((work & Sensitive) != 0)
        {
            result.Sites.Add(instruction);
        }

        switch (work & KindMask)
        {
            case Branch:
                marks[offset] |= CodeMarks.Flow;
                ControlFlow.TryGetTarget(instruction, out ulong target);
                result.Targets.Add(new DirectTarget(target, offset, false));
                break;
            case FlowEnd:
                marks[offset] |= CodeMarks.Flow;
                break;
            case DirectCall:
                ControlFlow.TryGetTarget(instruction, out ulong callee);
                result.Targets.Add(new DirectTarget(callee, offset, true));
                result.CallReturns.Add(next);
                break;
            case OtherCall:
                result.CallReturns.Add(next);
                break;
        }
    }

    static byte[] MakeWork()
    {
        Code[] codes = Enum.GetValues<Code>();
        var work = new byte[(int)codes[^1] + 1];
        foreach (Code code in codes)
        {
            byte kind = code == Code.INVALID ? Invalid : KindOf(code);
            work[(int)code] = (byte)(kind | (SensitivityTable.IsSensitive(code) ? Sensitive : 0));
        }

        return work;
    }

    static byte KindOf(Code code) => code.FlowControl() switch
    {
        FlowControl.UnconditionalBranch => code is Code.Jmp_ptr1616 ? FlowEnd : Branch,
        FlowControl.ConditionalBranch or FlowControl.XbeginXabortXend => code is Code.Xend or Code.Xabort_imm8 ? Plain : Branch,
        FlowControl.Call => code is Code.Call_ptr1616 ? OtherCall : DirectCall,
        FlowControl.IndirectCall => OtherCall,
        FlowControl.IndirectBranch or FlowControl.Return => FlowEnd,
        FlowControl.Exception => FlowEnd,
        _ => Plain,
    };
}
