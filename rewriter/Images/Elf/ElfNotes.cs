using System.Buffers.Binary;

namespace Rewriter.Images.Elf;

/// <summary>ELF notes that say where a loader may start.</summary>
static class ElfNotes
{
    /// <summary>XEN_ELFNOTE_PHYS32_ENTRY (Xen public/elfnote.h): the physical address where PVH starts.</summary>
    const uint XenPhysicalEntry = 18;

    /// <summary>The PVH entry: what the first such note says, whether anything is loaded there or not. Null where no note says so; notes that
    /// run past their segment are passed over.</summary>
    public static ulong? ReadPvhEntry(ByteView file, List<ElfSegment> segments)
    {
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

                if (type == XenPhysicalEntry && valueSize >= 4 && nameSize == 4 && bytes[12..].StartsWith("Xen\0"u8))
                {
                    return BinaryPrimitives.ReadUInt32LittleEndian(bytes[(int)value..]);
                }

                bytes = bytes[(int)next..];
            }
        }

        return null;
    }

    /// <summary>Where the byte at a physical address is linked: nowhere, or once for each segment that loads it there.</summary>
    public static List<ulong> Linked(ulong? physical, List<ElfSegment> segments) =>
        [.. segments.Where(s => s.Type == ElfSegment.Load && physical >= s.PhysicalAddress && physical - s.PhysicalAddress < (ulong)s.FileSize)
            .Select(s => s.Address + (physical!.Value - s.PhysicalAddress))];
}
