// The COFF and optional headers (PE specification, chapters 3 and 4). The framework's PEHeaders assumes sixteen data directories, whatever
// NumberOfRvaAndSizes says, and so misreads images such as memtest86+ that have fewer; its enumerations are used.
using System.Reflection.PortableExecutable;

namespace Rewriter.Images.Pe;

/// <summary>What is needed of the headers, with the section table's extent checked.</summary>
/// <param name="RelocationTable">Base relocation directory: relative virtual address and size; zero where there is none.</param>
readonly record struct PeHeader(
    Machine Machine, bool Is64, ulong ImageBase, uint EntryPoint, (uint Address, uint Size) RelocationTable, ByteView SectionTable,
        int SectionCount, long Offset)
{
    const int CoffHeaderSize = 20;
    const int SectionHeaderSize = 40;
    const int RelocationDirectory = 5;

    public static PeHeader Read(ByteView file)
    {
        long coff = file.U32(0x3C, "PE header offset") + 4L;
        int sectionCount = file.U16(coff + 2, "PE header");
        int optionalSize = file.U16(coff + 16, "PE header");
        long optional = coff + CoffHeaderSize;
        bool is64 = (PEMagic)file.U16(optional, "PE optional header") switch
        {
            PEMagic.PE32 => false,
            PEMagic.PE32Plus => true,
            PEMagic other => throw new BadImageException($"PE optional header magic 0x{(int)other:x}", optional),
        };
        var machine = (Machine)file.U16(coff, "PE header");
        if (machine != (is64 ? Machine.Amd64 : Machine.I386))
        {
            throw new BadImageException($"PE machine {machine} is not x86", coff);
        }

        long directories = optional + (is64 ? 112 : 96);
        uint directoryCount = file.U32(directories - 4, "PE optional header");
        long relocation = directories + (8 * RelocationDirectory);
        bool hasRelocations = directoryCount > RelocationDirectory && relocation + 8 <= optional + optionalSize;
        return new PeHeader(
            machine,
            is64,
            is64 ? file.U64(optional + 24, "PE optional header") : file.U32(optional + 28, "PE optional header"),
            file.U32(optional + 16, "PE optional header"),
            hasRelocations ? (file.U32(relocation, "PE data directory"), file.U32(relocation + 4, "PE data directory")) : default,
            file.Table(optional + optionalSize, sectionCount, SectionHeaderSize, "PE section table"),
            sectionCount,
            coff);
    }

    /// <summary>Loaded ranges by address; they lie in the file and do not overlap.</summary>
    public List<ImageSection> ReadSections(ByteView file)
    {
        var sections = new List<ImageSection>(SectionCount);
        for (int i = 0; i < SectionCount; i++)
        {
            ImageSection section = ReadSection(file, (long)i * SectionHeaderSize);
            if (section.MemorySize != 0)
            {
                sections.Add(section);
            }
        }

        sections.Sort((a, b) => a.Address.CompareTo(b.Address));
        for (int i = 1; i < sections.Count; i++)
        {
            if (sections[i].Address < sections[i - 1].Address + (ulong)sections[i - 1].MemorySize)
            {
                throw new BadImageException($"PE section {sections[i].Name} at 0x{sections[i].Address:x} overlaps the one before",
                    SectionTable.Origin);
            }
        }

        return sections.Count != 0 ? sections : throw new BadImageException("PE file has nothing to load", Offset);
    }

    ImageSection ReadSection(ByteView file, long at)
    {
        string name = System.Text.Encoding.Latin1.GetString(SectionTable.Span(at, 8, "PE section")).TrimEnd('\0');
        uint virtualSize = SectionTable.U32(at + 8, "PE section");
        uint address = SectionTable.U32(at + 12, "PE section");
        uint rawSize = SectionTable.U32(at + 16, "PE section");
        uint rawOffset = SectionTable.U32(at + 20, "PE section");
        var flags = (SectionCharacteristics)SectionTable.U32(at + 36, "PE section");
        long memorySize = virtualSize == 0 ? rawSize : virtualSize;
        long fileSize = Math.Min(rawSize, memorySize);
        long offset = fileSize == 0 ? 0 : rawOffset;
        file.Slice(offset, fileSize, $"PE section {name}");
        ulong limit = Is64 ? ulong.MaxValue : 1UL << 32;
        if (ImageBase > limit - address || ImageBase + address > limit - (ulong)memorySize)
        {
            throw new BadImageException($"PE section {name} passes the address space", SectionTable.Origin + at);
        }

        bool isExecutable = (flags & (SectionCharacteristics.MemExecute | SectionCharacteristics.ContainsCode)) != 0;
        bool isWritable = (flags & SectionCharacteristics.MemWrite) != 0;
        return new ImageSection(name, ImageBase + address, ImageBase + address, offset, fileSize, memorySize, isExecutable, isWritable);
    }
}
