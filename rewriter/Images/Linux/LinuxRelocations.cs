// The build appends the relocation table to the kernel's ELF file (arch/x86/tools/relocs.c); the self-extractor walks it from its end
// back to a zero (handle_relocations in arch/x86/boot/compressed/misc.c).
namespace Rewriter.Images.Linux;

/// <summary>The 32-bit kernel's own relocation table.</summary>
static class LinuxRelocations
{
    /// <summary>Addresses of the words that hold absolute addresses, sorted; empty where the kernel is not relocatable.</summary>
    /// <param name="elfEnd">Where the ELF file ends in the payload.</param>
    public static List<ulong> Read(ByteView payload, long elfEnd)
    {
        var words = new List<ulong>();
        for (long at = payload.Length - 4; at >= elfEnd; at -= 4)
        {
            uint word = payload.U32(at, "relocation table");
            if (word == 0)
            {
                words.Sort();
                return words;
            }

            words.Add(word);
        }

        return words.Count == 0 ? words : throw new BadImageException("relocation table has no end", elfEnd);
    }
}
