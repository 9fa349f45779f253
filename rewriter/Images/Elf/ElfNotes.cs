using System.Buffers.Binary;

namespace Rewriter.Images.Elf;

/// <summary>ELF notes that name entry points.</summary>
static class ElfNotes
{
    /// <summary>XEN_ELFNOTE_PHYS32_ENTRY (Xen public/elfnote.h): the physical address where PVH starts.</summary>
    const uint XenPhysicalEntry = 18;

    /// <summary>The PVH entry as a linked virtual address, if there is one. Malformed notes are passed over: no loader depends on
    /// them.</summary>
    public static List<ulong> ReadEntryPoints(ByteView file, List<ElfSegment> segments)
    {
        var entries = new List<ulong>();
        foreach (ElfSegment note in segments.Where(s => s.Type == ElfSegment.Note))
        {
            ReadOnlySpan<byte> bytes = file.Span(note.Offset, note.FileSize, "ELF notes");
            while (bytes.Length >= 12)
            {
                uint nameSize = BinaryPrimitives.ReadUInt32LittleEndian(bytes);
                uint valueSize = BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]);
                uint type = BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]);
                long value = 12 + ((nameSize + 3L) & ~3L);
                long next = value + ((valueSize + 3L) & ~3L);
                if (next > bytes.Length)
                {
                    break;
                }

                if (type == XenPhysicalEntry && valueSize >= 4 && bytes[12..].StartsWith("Xen\0"u8))
                {
                    AddVirtual(entries, BinaryPrimitives.ReadUInt32LittleEndian(bytes[(int)value..]), segments);
                }

                bytes = bytes[(int)next..];
            }
        }

        return entries;
    }

    static void AddVirtual(List<ulong> entries, ulong physical, List<ElfSegment> segments)
    {
        foreach (ElfSegment segment in segments.Where(s => s.Type == ElfSegment.Load))
        {
            if (physical >= segment.PhysicalAddress && physical - segment.PhysicalAddress < (ulong)segment.FileSize)
            {
                entries.Add(segment.Address + (physical - segment.PhysicalAddress));
            }
        }
    }
}
