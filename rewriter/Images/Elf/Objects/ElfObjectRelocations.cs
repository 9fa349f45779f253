using System.Buffers.Binary;

namespace Rewriter.Images.Elf.Objects;

/// <summary>Reads and applies the relocations of an object (System V psABI, i386 table 4.9 and x86-64 table 4.10).</summary>
static class ElfObjectRelocations
{
    const uint TypeRela = 4;

    public static List<ElfObjectRelocation> Read(ElfObject image)
    {
        var relocations = new List<ElfObjectRelocation>();
        foreach (ElfSection table in image.Sections.Where(s => s.Type is ElfSection.Relocations or TypeRela))
        {
            if (table.Info >= image.Sections.Count)
            {
                throw new BadImageException($"ELF relocation table {table.Name} is about section {table.Info}, which does not exist",
                    image.File.Origin + table.HeaderOffset);
            }

            ElfSection target = image.Sections[(int)table.Info];
            if (image.AddressOf((int)table.Info) != 0 && target.Type != ElfSection.NoBits)
            {
                ReadTable(image, table, target, relocations);
            }
        }

        return relocations;
    }

    /// <summary>The file with the relocations of loaded sections applied: to itself, and to where <see cref="ElfObject"/> places it.</summary>
    public static byte[] Apply(ElfObject image)
    {
        byte[] bytes = image.File.Bytes.ToArray();
        foreach (ElfObjectRelocation r in image.Relocations)
        {
            ElfSection section = image.Sections[r.Section];
            Span<byte> field = bytes.AsSpan((int)section.Offset + (int)r.Offset);
            ulong value = unchecked(image.Symbols[r.Symbol].Address + (ulong)r.Addend);
            ulong place = image.AddressOf(r.Section) + r.Offset;
            switch (r.Kind)
            {
                case RelocationKind.Absolute32:
                    BinaryPrimitives.WriteUInt32LittleEndian(field, (uint)value);
                    break;
                case RelocationKind.Relative32:
                    BinaryPrimitives.WriteUInt32LittleEndian(field, (uint)(value - place));
                    break;
                case RelocationKind.Absolute64:
                    BinaryPrimitives.WriteUInt64LittleEndian(field, value);
                    break;
                case RelocationKind.Relative64:
                    BinaryPrimitives.WriteUInt64LittleEndian(field, value - place);
                    break;
            }
        }

        return bytes;
    }

    static void ReadTable(ElfObject image, in ElfSection table, in ElfSection target, List<ElfObjectRelocation> relocations)
    {
        ByteView entries = table.Bytes(image.File);
        ByteView fields = target.Bytes(image.File);
        bool is64 = image.Header.Is64;
        bool hasAddends = table.Type == TypeRela;
        int wide = is64 ? 8 : 4;
        int size = hasAddends ? 3 * wide : 2 * wide;
        for (long at = 0; at + size <= entries.Length; at += size)
        {
            ulong offset = ElfHeader.ReadWord(entries, is64, at);
            ulong info = ElfHeader.ReadWord(entries, is64, at + wide);
            uint type = is64 ? (uint)info : (uint)info & 0xFF;
            ulong symbol = is64 ? info >> 32 : info >> 8;
            RelocationKind kind = KindOf(type, is64);
            int length = kind is RelocationKind.Absolute64 or RelocationKind.Relative64 ? 8 : 4;
            if (symbol >= (ulong)image.Symbols.Count || offset > (ulong)fields.Length || (ulong)length > (ulong)fields.Length - offset)
            {
                throw new BadImageException($"ELF relocation of {target.Name} names a symbol or a place that does not exist",
                    entries.Origin + at);
            }

            long addend = hasAddends ? (long)ElfHeader.ReadWord(entries, is64, at + (2 * wide))
                : length == 4 ? (int)fields.U32((long)offset, "ELF relocation") : (long)fields.U64((long)offset, "ELF relocation");
            relocations.Add(new ElfObjectRelocation((int)table.Info, (uint)offset, type, (int)symbol, addend, kind, entries.Origin + at));
        }
    }

    static RelocationKind KindOf(uint type, bool is64) => (type, is64) switch
    {
        (1, false) => RelocationKind.Absolute32, // R_386_32
        (2 or 4, false) => RelocationKind.Relative32, // R_386_PC32, R_386_PLT32
        (1, true) => RelocationKind.Absolute64, // R_X86_64_64
        (10 or 11, true) => RelocationKind.Absolute32, // R_X86_64_32, R_X86_64_32S
        (2 or 4, true) => RelocationKind.Relative32, // R_X86_64_PC32, R_X86_64_PLT32
        (24, true) => RelocationKind.Relative64, // R_X86_64_PC64
        _ => RelocationKind.Other,
    };
}
