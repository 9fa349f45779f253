// Self-patched places that no named section lists: jump labels (their table lies inside .rodata), ftrace calls and static-call trampolines.
using System.Buffers.Binary;
using Iced.Intel;
using Rewriter.Images;

namespace Rewriter.Scanning;

/// <summary>Finds the places by structure and by symbol.</summary>
sealed class LinuxPatchSites(CodeMapBuilder map)
{
    // struct jump_entry: code, target, key; all relative to themselves, the key a long.
    readonly int _jumpEntrySize = map.Image.Bitness == 64 ? 16 : 12;

    const int ShortestTable = 16;
    const int StaticCallTrampolineSize = 8; // jmp rel32 and ud1, or ret and padding (arch/x86/include/asm/static_call.h)

    public void FindAll()
    {
        foreach (ImageSection section in map.Image.Sections.Where(s => !s.IsExecutable))
        {
            FindJumpTables(section);
        }

        foreach (ImageSymbol symbol in map.Image.Symbols.Where(s => s.Name.StartsWith("__SCT__", StringComparison.Ordinal)))
        {
            if (map.SectionAt(symbol.Address) is not null)
            {
                map.SelfPatched.Add(new SelfPatchedRange(symbol.Address, StaticCallTrampolineSize, SelfPatchKind.StaticCall));
            }
        }
    }

    /// <summary>A call of the tracer's entry is 5 bytes, and so is the NOP that replaces it.</summary>
    public void AddFtraceSites(CodeSection section, List<DirectTarget> targets)
    {
        foreach (ulong tracer in map.Image.Symbols.Where(s => s.Name is "__fentry__" or "mcount").Select(s => s.Address).Distinct())
        {
            foreach (DirectTarget call in targets)
            {
                if (call.Address == tracer && call.IsCall)
                {
                    map.SelfPatched.Add(new SelfPatchedRange(section.Address + (ulong)call.Source, 5, SelfPatchKind.Ftrace));
                }
            }
        }
    }

    /// <summary>A jump table is a run of entries whose code is a 5- or 2-byte NOP or JMP and whose target is an instruction of the same
    /// section.</summary>
    void FindJumpTables(ImageSection section)
    {
        // A module's table has a section of its own.
        int shortest = section.Name == "__jump_table" ? 1 : ShortestTable;
        ReadOnlySpan<byte> bytes = map.Image.Bytes(section);
        for (int at = 0; at <= bytes.Length - (shortest * _jumpEntrySize);)
        {
            int end = at;
            while (end <= bytes.Length - _jumpEntrySize && TryReadEntry(bytes, end, section, out _, out _))
            {
                end += _jumpEntrySize;
            }

            if (end - at < shortest * _jumpEntrySize)
            {
                at += 4;
                continue;
            }

            for (; at < end; at += _jumpEntrySize)
            {
                TryReadEntry(bytes, at, section, out SelfPatchedRange label, out ulong target);
                map.SelfPatched.Add(label);
                map.Mark(target, CodeMarks.JumpTarget); // once the label is switched on
            }
        }
    }

    bool TryReadEntry(ReadOnlySpan<byte> bytes, int at, ImageSection section, out SelfPatchedRange label, out ulong target)
    {
        label = default;
        ulong here = section.Address + (ulong)at;
        ulong code = Wrap(here + (ulong)(long)BinaryPrimitives.ReadInt32LittleEndian(bytes[at..]));
        target = Wrap(here + 4 + (ulong)(long)BinaryPrimitives.ReadInt32LittleEndian(bytes[(at + 4)..]));
        if (map.SectionAt(code) is not CodeSection text || !text.Contains(target)
            || (text.Marks[(int)(code - text.Address)] & text.Marks[(int)(target - text.Address)] & CodeMarks.Start) == 0)
        {
            return false;
        }

        map.Decode(code, out Instruction instruction);
        bool isLabel = instruction.Mnemonic is Mnemonic.Nop or Mnemonic.Jmp or Mnemonic.Lea && instruction.Length is 2 or 5;
        label = new SelfPatchedRange(code, instruction.Length, SelfPatchKind.JumpLabel);
        return isLabel;
    }

    ulong Wrap(ulong address) => map.Image.Bitness == 32 ? (uint)address : address;
}
