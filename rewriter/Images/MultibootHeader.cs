// Multiboot 0.6.96 section 3.1: a header in the first 8 KiB, 4-byte aligned, whose first three dwords sum to zero.
namespace Rewriter.Images;

/// <summary>A multiboot 1 header. The address fields are meaningful if <see cref="HasAddresses"/>; all are physical.</summary>
public readonly record struct MultibootHeader(long FileOffset, uint Flags, uint HeaderAddress, uint LoadAddress, uint LoadEnd, uint BssEnd,
    uint Entry)
{
    const uint Magic = 0x1BAD_B002;
    const int SearchLength = 8192;

    /// <summary>Bit 16: the loader takes addresses from here rather than from ELF headers.</summary>
    public bool HasAddresses => (Flags & 0x1_0000) != 0;

    /// <summary>In bytes: with video fields (bit 2), else with addresses, else without.</summary>
    public int Length => (Flags & 4) != 0 ? 48 : HasAddresses ? 32 : 12;

    public static bool TryFind(ByteView file, out MultibootHeader header)
    {
        for (long at = 0; at + 12 <= Math.Min(file.Length, SearchLength); at += 4)
        {
            uint flags;
            if (file.U32(at, "") != Magic || unchecked(Magic + (flags = file.U32(at + 4, "")) + file.U32(at + 8, "")) != 0)
            {
                continue;
            }

            bool hasAddresses = (flags & 0x1_0000) != 0 && file.Has(at, 32);
            header = hasAddresses
                ? new MultibootHeader(at, flags, file.U32(at + 12, ""), file.U32(at + 16, ""), file.U32(at + 20, ""),
                    file.U32(at + 24, ""), file.U32(at + 28, ""))
                : new MultibootHeader(at, flags & ~0x1_0000u, 0, 0, 0, 0, 0);
            return true;
        }

        header = default;
        return false;
    }
}
