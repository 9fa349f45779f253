// The bytes of one executable section and one mark byte for each: the storage behind CodeMap.
using Iced.Intel;

namespace Rewriter.Scanning;

/// <summary>Executable bytes at a linked virtual address, with what the scanner learned about each.</summary>
public sealed class CodeSection
{
    readonly CodeMarks[] _marks;

    public CodeSection(string name, ulong address, ReadOnlyMemory<byte> bytes, int bitness)
    {
        Name = name;
        Address = address;
        Bytes = bytes;
        Bitness = bitness;
        _marks = new CodeMarks[bytes.Length];
    }

    public string Name { get; }
    public ulong Address { get; }
    public ReadOnlyMemory<byte> Bytes { get; }
    public int Bitness { get; }
    public ulong End => Address + (ulong)Bytes.Length;

    /// <summary>One entry per byte of <see cref="Bytes"/>.</summary>
    public ReadOnlySpan<CodeMarks> Marks => _marks;

    /// <summary>Whether the whole section is code: a linear sweep keeps step through it and recursive descent agrees with that sweep.
    /// Where it is not, only what descent reached carries <see cref="CodeMarks.Start"/>.</summary>
    public bool IsCodeOnly { get; internal set; }

    public bool Contains(ulong address) => address >= Address && address - Address < (ulong)Bytes.Length;

    /// <summary>Decodes one instruction; its <see cref="Instruction.Code"/> is <see cref="Code.INVALID"/> where the bytes are none or
    /// leave the section.</summary>
    public Instruction Decode(ulong address)
    {
        if (!Contains(address))
        {
            return default;
        }

        // A reader for each call keeps this free of shared state; loops over many instructions use an InstructionReader.
        new InstructionReader(this).ReadAt(address, out Instruction instruction);
        return instruction;
    }

    /// <summary>The first place at or after an offset where a proven instruction begins; the section's length if there is none.</summary>
    public int NextStart(int offset)
    {
        while (offset < _marks.Length && (_marks[offset] & CodeMarks.Start) == 0)
        {
            offset++;
        }

        return offset;
    }

    internal CodeMarks[] MutableMarks => _marks;
}
