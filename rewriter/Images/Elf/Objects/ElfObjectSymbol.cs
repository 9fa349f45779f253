namespace Rewriter.Images.Elf.Objects;

/// <summary>A symbol of an object.</summary>
/// <param name="Address">Where it is placed; for an undefined one, somewhere that belongs to nobody else.</param>
/// <param name="Type">STT_NOTYPE, OBJECT, FUNC, SECTION or FILE.</param>
/// <param name="Section">Index of its section; 0 where undefined.</param>
readonly record struct ElfObjectSymbol(string Name, ulong Address, ulong Size, int Type, ushort Section)
{
    const int Function = 2;

    public bool IsFunction => Type == Function;

    /// <summary>Whether it names an address: neither a section nor a source file.</summary>
    public bool IsNamed => Type <= Function && Name.Length != 0;
}

/// <summary>A relocation of a loaded section.</summary>
/// <param name="Section">Index of the section that holds the field.</param>
/// <param name="Offset">Of the field, in that section.</param>
/// <param name="EntryOffset">File offset of the table's entry.</param>
/// <param name="Addend">From the entry or, in a table without addends, from the field.</param>
readonly record struct ElfObjectRelocation(
    int Section, uint Offset, uint Type, int Symbol, long Addend, RelocationKind Kind, long EntryOffset);

/// <summary>What a relocation puts into its field.</summary>
enum RelocationKind
{
    /// <summary>Something that has to do with neither code nor its place.</summary>
    Other,

    /// <summary>S + A, 32 bits.</summary>
    Absolute32,

    /// <summary>S + A, 64 bits.</summary>
    Absolute64,

    /// <summary>S + A - P, 32 bits.</summary>
    Relative32,

    /// <summary>S + A - P, 64 bits.</summary>
    Relative64,
}
