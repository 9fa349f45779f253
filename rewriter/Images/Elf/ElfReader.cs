// ELF executables, 32- and 64-bit: multiboot kernels, plain ones, and the one inside a bzImage. Objects have a reader of their own.
using Rewriter.Images.Elf.Objects;

namespace Rewriter.Images.Elf;

/// <summary>Reads ELF executables. Sections are used where the file has them and they agree with what is loaded, else segments.</summary>
sealed class ElfReader : IImageReader
{
    /// <summary>Many times what any kernel has.</summary>
    const int MostSegments = 1024;

    public bool Recognises(ByteView file) => file.Bytes.Span.StartsWith("\x7F"u8) && file.Bytes.Span[1..].StartsWith("ELF"u8);

    public KernelImage Read(string name, ByteView file)
    {
        ElfHeader header = ElfHeader.Read(file);
        if (header.Type == ElfHeader.TypeRelocatable)
        {
            return ElfObjectReader.Read(name, file);
        }

        List<ElfSegment> all = ElfSegment.ReadAll(file, header);
        List<ElfSegment> segments = [.. all.Where(s => s.Type == ElfSegment.Load && s.MemorySize > 0).OrderBy(s => s.Address)];
        if (segments.Count == 0)
        {
            throw new BadImageException("ELF file has nothing to load", header.ProgramHeaders);
        }

        if (segments.Count > MostSegments)
        {
            throw new BadImageException($"ELF file has {segments.Count} segments to load; {MostSegments} are the most that are read", header.ProgramHeaders);
        }

        for (int i = 1; i < segments.Count; i++)
        {
            if (segments[i].Address < segments[i - 1].End)
            {
                throw new BadImageException($"ELF segments overlap at 0x{segments[i].Address:x}", header.ProgramHeaders);
            }
        }

        List<ElfSection> sections = ElfSection.ReadAll(file, header);
        ulong? pvhEntry = ElfNotes.ReadPvhEntry(file, all);
        return new KernelImage
        {
            Name = name,
            Format = header.Is64 ? ImageFormat.Elf64 : ImageFormat.Elf32,
            Bitness = header.Is64 ? 64 : 32,
            File = file.Bytes,
            Payload = file.Bytes,
            EntryPoint = FindEntry(file, header),
            PvhEntry = pvhEntry,
            OtherEntryPoints = ElfNotes.Linked(pvhEntry, all),
            Segments = [.. segments.Select(s =>
                new ImageSection("", s.Address, s.PhysicalAddress, s.Offset, s.FileSize, s.MemorySize, s.IsExecutable, s.IsWritable))],
            Sections = LoadedRanges(sections, segments),
            Symbols = ElfSymbols.Read(file, header, sections),
            Relocations = ElfRelocations.Read(file, header, sections),
        };
    }

    static ulong FindEntry(ByteView file, in ElfHeader header) =>
        MultibootHeader.TryFind(file, out MultibootHeader multiboot) && multiboot.HasAddresses ? multiboot.Entry : header.Entry;

    /// <summary>The sections that a segment really loads, and whole segments that no section describes.</summary>
    static List<ImageSection> LoadedRanges(List<ElfSection> sections, List<ElfSegment> segments)
    {
        var ranges = new List<ImageSection>();
        var described = new HashSet<ulong>();
        ulong end = 0;
        foreach (ElfSection section in sections.Where(s => s.IsAllocated && !s.IsThreadLocal && s.Size > 0).OrderBy(s => s.Address))
        {
            if (section.Address >= end && SegmentOf(section, segments) is ElfSegment segment)
            {
                long fileSize = section.Type == ElfSection.NoBits ? 0 : (long)section.Size;
                ranges.Add(new ImageSection(section.Name, section.Address, segment.PhysicalAddress + (section.Address - segment.Address),
                    fileSize == 0 ? 0 : (long)section.Offset, fileSize, (long)section.Size, section.IsExecutable, section.IsWritable));
                described.Add(segment.Address);
                end = section.Address + section.Size;
            }
        }

        foreach (ElfSegment s in segments.Where(s => !described.Contains(s.Address)))
        {
            ranges.Add(new ImageSection("", s.Address, s.PhysicalAddress, s.Offset, s.FileSize, s.MemorySize, s.IsExecutable,
                s.IsWritable));
        }

        ranges.Sort((a, b) => a.Address.CompareTo(b.Address));
        return ranges;
    }

    /// <summary>The segment that loads exactly these file bytes at exactly this address, if there is one.</summary>
    static ElfSegment? SegmentOf(ElfSection section, List<ElfSegment> segments)
    {
        foreach (ElfSegment segment in segments)
        {
            if (section.Address < segment.Address || section.Size > (ulong)segment.MemorySize
                || section.Address - segment.Address > (ulong)segment.MemorySize - section.Size)
            {
                continue;
            }

            ulong delta = section.Address - segment.Address;
            bool isInFile = section.Size <= (ulong)segment.FileSize && delta <= (ulong)segment.FileSize - section.Size
                && section.Offset == (ulong)segment.Offset + delta;
            return section.Type == ElfSection.NoBits || isInFile ? segment : null;
        }

        return null;
    }
}
