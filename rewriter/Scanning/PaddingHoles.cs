using Iced.Intel;

namespace Rewriter.Scanning;

/// <summary>Finds runs of INT3 and NOP behind instructions that do not go on.</summary>
static class PaddingHoles
{
    /// <summary>A hole must at least hold a jmp rel32.</summary>
    const int Shortest = 5;

    public static void Find(CodeMapBuilder map)
    {
        foreach (CodeSection section in map.Sections)
        {
            ReadOnlySpan<CodeMarks> marks = section.Marks;
            InstructionReader reader = map.ReaderOf(section);
            for (int offset = 0; offset < marks.Length; offset++)
            {
                if ((marks[offset] & (CodeMarks.Start | CodeMarks.Flow)) != (CodeMarks.Start | CodeMarks.Flow))
                {
                    continue;
                }

                reader.ReadAt(section.Address + (ulong)offset, out Instruction last);
                int start = offset + last.Length;
                if (last.FlowControl != FlowControl.ConditionalBranch && start < marks.Length && MayBePadding(section.Bytes.Span[start]))
                {
                    AddHole(map, section, reader, start);
                }
            }
        }
    }

    static void AddHole(CodeMapBuilder map, CodeSection section, InstructionReader reader, int start)
    {
        int end = start;
        reader.MoveTo(section.Address + (ulong)start);
        while (end < section.Bytes.Length)
        {
            reader.Read(out Instruction padding);
            if (!IsPadding(padding) || IsReached(section.Marks.Slice(end, padding.Length)))
            {
                break;
            }

            end += padding.Length;
        }

        if (end - start >= Shortest)
        {
            map.Holes.Add(new CodeRange(section.Address + (ulong)start, section.Address + (ulong)end));
        }
    }

    static bool IsReached(ReadOnlySpan<CodeMarks> marks)
    {
        foreach (CodeMarks mark in marks)
        {
            if ((mark & (CodeMarks.Target | CodeMarks.Intercepted | CodeMarks.Descent)) != 0)
            {
                return true;
            }
        }

        return false;
    }

    static bool MayBePadding(byte first) => first is 0xCC or 0x90 or 0x66 or 0x0F or 0x8D or 0x2E or 0x3E or 0x65;

    /// <summary>INT3, the recommended NOPs (SDM vol. 2B NOP) and the older lea esi, [esi+0] of GNU as.</summary>
    static bool IsPadding(in Instruction instruction) =>
        instruction.Code == Code.Int3 || instruction.Mnemonic == Mnemonic.Nop
        || (instruction.Mnemonic == Mnemonic.Lea && instruction.MemoryDisplacement64 == 0 && instruction.MemoryIndex == Register.None
            && instruction.Op0Register == instruction.MemoryBase)
        || (instruction.Mnemonic == Mnemonic.Lea && instruction.MemoryDisplacement64 == 0
            && instruction.MemoryBase is Register.None or Register.ESI
            && instruction.Op0Register == instruction.MemoryBase && instruction.MemoryIndexScale == 1);
}
