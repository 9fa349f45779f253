using Iced.Intel;
using Rewriter.Images;

namespace Rewriter.Scanning;

/// <summary>A code map in the making: sections with their marks, and the lists that the scanner's steps fill.</summary>
sealed class CodeMapBuilder
{
    readonly Dictionary<CodeSection, InstructionReader> _readers = [];
    readonly CodeSection[] _sections;
    readonly CodeRange _data;

    public CodeMapBuilder(KernelImage image)
    {
        Image = image;
        _data = FindMultibootHeader(image);
        if (image.Sections.Where(s => s.IsExecutable).Sum(s => s.FileSize) > image.Payload.Length)
        {
            throw new BadImageException("executable sections overlap in the file");
        }

        _sections = [.. image.Sections.Where(s => s.IsExecutable && s.FileSize > 0)
            .Select(s => new CodeSection(s.Name, s.Address, image.Payload.Slice((int)s.FileOffset, (int)s.FileSize), image.Bitness))];
    }

    public KernelImage Image { get; }
    public IReadOnlyList<CodeSection> Sections => _sections;
    public List<ulong> Functions { get; } = [];
    public List<CodeRange> Holes { get; } = [];
    public List<SelfPatchedRange> SelfPatched { get; } = [];
    public List<ExceptionEntry> Exceptions { get; } = [];

    public CodeSection? SectionAt(ulong address)
    {
        foreach (CodeSection section in _sections)
        {
            if (section.Contains(address))
            {
                return section;
            }
        }

        return null;
    }

    public CodeMarks MarksAt(ulong address) => SectionAt(address) is CodeSection s ? s.Marks[(int)(address - s.Address)] : CodeMarks.None;

    /// <summary>Adds marks to an address; one outside the executable sections is passed over.</summary>
    public void Mark(ulong address, CodeMarks marks)
    {
        if (SectionAt(address) is CodeSection section)
        {
            section.MutableMarks[(int)(address - section.Address)] |= marks;
        }
    }

    /// <summary>Decodes at an address; <see cref="Code.INVALID"/> outside the executable sections.</summary>
    public void Decode(ulong address, out Instruction instruction)
    {
        if (SectionAt(address) is CodeSection section)
        {
            ReaderOf(section).ReadAt(address, out instruction);
        }
        else
        {
            instruction = default;
        }
    }

    /// <summary>Whether an address lies behind the first byte of a proven instruction.</summary>
    public bool IsInsideInstruction(ulong address)
    {
        if (SectionAt(address) is not CodeSection section)
        {
            return false;
        }

        int offset = (int)(address - section.Address);
        for (int start = offset - 1; start >= 0 && offset - start < 15; start--)
        {
            if ((section.Marks[start] & CodeMarks.Start) != 0)
            {
                Decode(section.Address + (ulong)start, out Instruction instruction);
                return start + instruction.Length > offset;
            }
        }

        return false;
    }

    /// <summary>Whether an address lies in a proven instruction, its first byte included.</summary>
    public bool IsCovered(ulong address) => (MarksAt(address) & CodeMarks.Start) != 0 || IsInsideInstruction(address);

    /// <summary>Whether an address is known to be data in an executable section: the multiboot header.</summary>
    public bool IsData(ulong address) => _data.Contains(address);

    public InstructionReader ReaderOf(CodeSection section)
    {
        if (!_readers.TryGetValue(section, out InstructionReader? reader))
        {
            reader = new InstructionReader(section);
            _readers.Add(section, reader);
        }

        return reader;
    }

    static CodeRange FindMultibootHeader(KernelImage image)
    {
        if (image.Format != ImageFormat.BzImage && MultibootHeader.TryFind(new ByteView(image.Payload), out MultibootHeader header)
            && image.Sections.FirstOrDefault(s => header.FileOffset >= s.FileOffset
                && header.FileOffset - s.FileOffset < s.FileSize) is { } home)
        {
            ulong start = home.Address + (ulong)(header.FileOffset - home.FileOffset);
            return new CodeRange(start, start + (ulong)header.Length);
        }

        return default;
    }

    public CodeMap Build() => new(Sections, Functions, Holes, SelfPatched, Exceptions);
}
