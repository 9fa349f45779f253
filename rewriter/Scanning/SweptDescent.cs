// Recursive descent over a section that a sweep has already taken apart: it only follows the marks, and decodes what changes the flow.
using Iced.Intel;

namespace Rewriter.Scanning;

/// <summary>Marks as <see cref="CodeMarks.Descent"/> what is reached from roots in swept sections.</summary>
sealed class SweptDescent(CodeMapBuilder map)
{
    readonly Stack<ulong> _pending = new();

    /// <summary>Jumps that went to the middle of an instruction: evidence against the sweep.</summary>
    public int ConflictCount { get; private set; }

    public void Run(IEnumerable<ulong> roots)
    {
        foreach (ulong root in roots)
        {
            _pending.Push(root);
            while (_pending.TryPop(out ulong address))
            {
                if (map.SectionAt(address) is CodeSection section)
                {
                    Walk(section, (int)(address - section.Address));
                }
            }
        }
    }

    void Walk(CodeSection section, int offset)
    {
        CodeMarks[] marks = section.MutableMarks;
        InstructionReader reader = map.ReaderOf(section);
        if ((marks[offset] & CodeMarks.Start) == 0)
        {
            ConflictCount++;
            return;
        }

        while (offset < marks.Length && (marks[offset] & CodeMarks.Descent) == 0)
        {
            marks[offset] |= CodeMarks.Descent;
            int next = section.NextStart(offset + 1);
            bool isCall = next < marks.Length && (marks[next] & CodeMarks.CallReturn) != 0;
            if (isCall || (marks[offset] & CodeMarks.Flow) != 0)
            {
                reader.ReadAt(section.Address + (ulong)offset, out Instruction instruction);
                if (ControlFlow.TryGetTarget(instruction, out ulong target))
                {
                    _pending.Push(target);
                }

                if (!isCall && instruction.FlowControl != FlowControl.ConditionalBranch)
                {
                    return;
                }
            }

            offset = next;
        }
    }
}
