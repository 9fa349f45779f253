// A rewritten module as a loader makes it, its sections put where the reader has placed those of the original: so that both can be held
// side by side. It comes from the rewritten file's own section table and relocations; the editor that wrote them has no part in it.
using System.Buffers.Binary;
using Rewriter.Images;
using Rewriter.Images.Elf;
using Rewriter.Images.Elf.Objects;

namespace Rewriter.Verification.Objects;

/// <summary>The original object, the rewritten one, and the latter's sections in memory.</summary>
sealed class LoadedObject
{
    readonly Dictionary<int, byte[]> _contents = [];

    /// <exception cref="BadImageException">The rewritten file cannot be taken apart.</exception>
    public LoadedObject(VerifiedImage image)
    {
        Before = ElfObject.Read(new ByteView(image.Original.File));
        After = ElfObject.Read(new ByteView(image.File));
        for (int i = 1; i < Math.Min(Before.Sections.Count, After.Sections.Count); i++)
        {
            if (Before.AddressOf(i) != 0 && After.AddressOf(i) != 0 && After.Sections[i].Type != ElfSection.NoBits)
            {
                _contents.Add(i, After.Sections[i].Bytes(After.File).Bytes.ToArray());
            }
        }

        foreach (ElfObjectRelocation relocation in After.Relocations)
        {
            Apply(relocation);
        }
    }

    public ElfObject Before { get; }
    public ElfObject After { get; }

    /// <summary>What a section of the rewritten object holds once loaded; empty for one that is not, or not from the file.</summary>
    public ReadOnlySpan<byte> Bytes(int section) => _contents.GetValueOrDefault(section);

    /// <summary>Where the field of a relocation lies.</summary>
    public uint PlaceOf(in ElfObjectRelocation relocation) => AddressOf(relocation.Section) + relocation.Offset;

    /// <summary>What a relocation names: symbol and addend, the field's own place aside.</summary>
    public uint NamedBy(in ElfObjectRelocation relocation) =>
        relocation.Symbol < Before.Symbols.Count ? (uint)(Before.Symbols[relocation.Symbol].Address + (ulong)relocation.Addend) : 0;

    /// <summary>The section whose code, trampolines included, an address lies in; 0 if there is none.</summary>
    public int CodeSectionAt(uint address)
    {
        for (int i = 1; i < Before.Sections.Count; i++)
        {
            if (Before.Sections[i].IsExecutable && Before.AddressOf(i) != 0 && address - AddressOf(i) < (uint)Bytes(i).Length)
            {
                return i;
            }
        }

        return 0;
    }

    public uint AddressOf(int section) => section < Before.Sections.Count ? (uint)Before.AddressOf(section) : 0;

    void Apply(in ElfObjectRelocation relocation)
    {
        if (_contents.GetValueOrDefault(relocation.Section) is not { } bytes)
        {
            return;
        }

        uint value = NamedBy(relocation);
        Span<byte> field = bytes.AsSpan((int)relocation.Offset);
        if (relocation.Kind is RelocationKind.Absolute32 or RelocationKind.Relative32)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(field, relocation.Kind == RelocationKind.Absolute32 ? value : value - PlaceOf(relocation));
        }
    }
}
