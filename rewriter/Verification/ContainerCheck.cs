// The file as its loaders see it: what was appended is what the format asks for and nothing else, and what was there still leads to the code.
using Rewriter.Images;
using Rewriter.Images.Elf;

namespace Rewriter.Verification;

/// <summary>Accounts for every byte behind the original's, and for the headers that lead to them.</summary>
static class ContainerCheck
{
    const int FooterSize = 32;
    const int LargestGap = 15; // alignment to 16
    const uint ProgramBits = 1, StringTable = 3, AllocatedCode = 6;

    readonly record struct Part(string Name, long Start, long Length)
    {
        public long End => Start + Length;
    }

    public static void Run(VerifiedImage image, CheckLog log)
    {
        var view = new ByteView(image.File);
        long footer = view.Length - FooterSize;
        var manifest = new Part("the manifest", (long)view.U64(footer + 8, "manifest footer"), (long)view.U64(footer + 16, "manifest footer"));
        List<Part> parts = [manifest, new Part("the footer", footer, FooterSize)];
        if (image.Original.Format is ImageFormat.Elf32 or ImageFormat.Elf32Object)
        {
            parts.AddRange(ElfParts(image, manifest, log));
        }
        else if (manifest.Start != image.Original.File.Length)
        {
            log.Fail($"offset 0x{manifest.Start:x}", "the manifest does not follow the original");
        }

        RequireNothingElse(image, parts, log);
        if (image.Original.Format == ImageFormat.BzImage)
        {
            BzImageFields.Check(image, log);
        }
    }

    static void RequireNothingElse(VerifiedImage image, List<Part> parts, CheckLog log)
    {
        long end = image.Original.File.Length;
        log.Count(image.File.Length - end);
        foreach (Part part in parts.Where(p => p.Length != 0).OrderBy(p => p.Start).ThenBy(p => p.End))
        {
            if (part.Start < end)
            {
                log.Fail($"offset 0x{part.Start:x}", $"{part.Name} overlaps what comes before it");
            }
            else if (part.Start - end > LargestGap || image.File.Span[(int)end..(int)part.Start].ContainsAnyExcept((byte)0))
            {
                log.Fail($"offset 0x{end:x}", $"{part.Start - end} bytes before {part.Name} belong to nothing");
            }

            end = Math.Max(end, part.End);
        }
    }

    /// <summary>The section header table: the original's entries, then those that were added.</summary>
    static List<Part> ElfParts(VerifiedImage image, Part manifest, CheckLog log)
    {
        var file = new ByteView(image.File);
        ElfHeader header = ElfHeader.Read(file);
        ElfHeader was = ElfHeader.Read(new ByteView(image.Original.File));
        List<ElfSection> found = ElfSection.ReadAll(file, header);
        List<ElfSection> original = ElfSection.ReadAll(new ByteView(image.Original.File), was);
        List<Part> parts = [new Part("the section header table", header.SectionHeaders, (long)header.SectionCount * header.SectionHeaderSize)];
        int first = Math.Max(1, original.Count);
        int names = found.Count - 1;
        if (found.Count < first + 2 || header.SectionNames != names)
        {
            log.Fail("offset 0x30", $"{found.Count} sections, their names in section {header.SectionNames}: not those of the original with what was added");
            return parts;
        }

        for (int i = 0; i < found.Count; i++)
        {
            log.Count();
            ElfSection section = found[i];
            if (i < original.Count)
            {
                // A module's sections that a patch changes are written anew; ContentCheck says which and what they hold.
                bool isMoved = section.Offset != original[i].Offset || section.Size != original[i].Size;
                if (!IsSameHeader(image, section, original[i])
                    || (isMoved && image.Original.Format != ImageFormat.Elf32Object))
                {
                    log.Fail($"offset 0x{section.HeaderOffset:x}", $"the header of section {i} {original[i].Name} is not the original's");
                }

                if (isMoved)
                {
                    parts.Add(new Part($"section {i} {original[i].Name}", (long)section.Offset, (long)section.Size));
                }
            }
            else if (i < first)
            {
                log.Require(file.Span(section.HeaderOffset, 40, "section header").IndexOfAnyExcept((byte)0) < 0, (ulong)section.HeaderOffset, "section 0 is not empty");
            }
            else
            {
                CheckAdded(image, section, i == names ? ".shstrtab" : i == names - 1 ? ".monitor.manifest" : ".monitor.shims", manifest, log);
                if (i != names - 1)
                {
                    parts.Add(new Part($"section {i} {section.Name}", (long)section.Offset, (long)section.Size));
                }
            }
        }

        return parts;
    }

    /// <summary>All but sh_offset and sh_size (gABI figure 4-8), and the name that sh_name leads to.</summary>
    static bool IsSameHeader(VerifiedImage image, in ElfSection found, in ElfSection original)
    {
        ReadOnlySpan<byte> now = image.File.Span.Slice((int)found.HeaderOffset, 40);
        ReadOnlySpan<byte> was = image.Original.File.Span.Slice((int)original.HeaderOffset, 40);
        return found.Name == original.Name && now[..16].SequenceEqual(was[..16]) && now[24..].SequenceEqual(was[24..]);
    }

    static void CheckAdded(VerifiedImage image, in ElfSection section, string name, Part manifest, CheckLog log)
    {
        bool isCode = name == ".monitor.shims";
        bool isGood = section.Name == name && section.Type == (name == ".shstrtab" ? StringTable : ProgramBits)
            && section.Flags == (isCode ? AllocatedCode : 0u) && (isCode ? image.HasWindow && section.Address >= image.Plan.WindowBase : section.Address == 0)
            && section is { Link: 0, Info: 0 } && image.File.Span.Slice((int)section.HeaderOffset + 32, 8).SequenceEqual((ReadOnlySpan<byte>)[1, 0, 0, 0, 0, 0, 0, 0])
            && (name != ".monitor.manifest" || ((long)section.Offset == manifest.Start && (long)section.Size == manifest.Length));
        if (!isGood)
        {
            log.Fail($"offset 0x{section.HeaderOffset:x}", $"the added section {section.Name} is not what {name} has to be");
        }
    }
}
