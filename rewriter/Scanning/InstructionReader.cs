using Iced.Intel;

namespace Rewriter.Scanning;

/// <summary>Decodes instructions of one section, at any address or in sequence, without an allocation for each. Not for use by two
/// threads.</summary>
public sealed class InstructionReader
{
    readonly CodeSection _section;
    readonly MemoryCodeReader _reader;
    readonly Decoder _decoder;

    public InstructionReader(CodeSection section)
    {
        _section = section;
        _reader = new MemoryCodeReader(section.Bytes);
        _decoder = Decoder.Create(section.Bitness, _reader, section.Address, DecoderOptions.None);
    }

    /// <summary>Moves to an address of the section; the next <see cref="Read"/> decodes there.</summary>
    public void MoveTo(ulong address)
    {
        _reader.Restart((int)(address - _section.Address), _section.Bytes.Length);
        _decoder.IP = address;
    }

    /// <summary>Decodes the next instruction. An invalid one has <see cref="Code.INVALID"/>; go on with <see cref="MoveTo"/>
    /// then.</summary>
    public void Read(out Instruction instruction) => _decoder.Decode(out instruction);

    /// <summary>Decodes the instruction at an address of the section.</summary>
    public void ReadAt(ulong address, out Instruction instruction)
    {
        MoveTo(address);
        _decoder.Decode(out instruction);
    }
}
