// Fields of a PE file that a rewrite may change, and to what (PE specification, "COFF File Header", "Optional Header", "The .reloc Section").
using System.Buffers.Binary;

namespace Rewriter.Verification;

/// <summary>Checks those fields and takes them over into what is expected of the file.</summary>
static class PeFields
{
    const int Characteristics = 22; // from the signature
    const int RelocationsStripped = 1;
    const int CheckSum = 24 + 64;
    const int DllCharacteristics = 24 + 70;
    const int DynamicBase = 0x40;
    const int CertificateTable = 24 + 96 + (8 * 4);

    public static void Accept(VerifiedImage image, byte[] expected, CheckLog log)
    {
        byte[] found = image.File.ToArray();
        int header = BinaryPrimitives.ReadInt32LittleEndian(expected.AsSpan(0x3C));
        Take(header + Characteristics, 2, "sets more than IMAGE_FILE_RELOCS_STRIPPED", (old, now) => now == old || now == (old | RelocationsStripped));
        Take(header + DllCharacteristics, 2, "clears more than IMAGE_DLLCHARACTERISTICS_DYNAMIC_BASE",
            (old, now) => now == old || now == (old & ~(uint)DynamicBase));
        uint sum = Sum(found, header + CheckSum);
        Take(header + CheckSum, 4, $"is not the file's checksum, 0x{sum:x8}", (_, now) => now == sum);
        for (int at = CertificateTable; at < CertificateTable + 8; at += 4)
        {
            Take(header + at, 4, "is neither the certificate table's nor none", (old, now) => now == old || now == 0);
        }

        // A loader that applied it would change the patch.
        foreach (var entry in image.Original.RelocationEntries.Where(e => Enumerable.Range(0, 4).Any(i => image.PatchAt(e.Word + (ulong)i) is not null)))
        {
            Take((int)entry.FileOffset, 2, $"relocates the overwritten word at 0x{entry.Word:x8}", (_, now) => now == 0);
        }

        void Take(int offset, int size, string what, Func<uint, uint, bool> isRight)
        {
            log.Require(isRight(Read(expected, offset, size), Read(found, offset, size)), (ulong)offset, $"(a file offset) {what}");
            found.AsSpan(offset, size).CopyTo(expected.AsSpan(offset));
        }
    }

    static uint Read(byte[] file, int offset, int size) =>
        size == 2 ? BinaryPrimitives.ReadUInt16LittleEndian(file.AsSpan(offset)) : BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(offset));

    /// <summary>The sum of all 16-bit words, the field itself aside, folded to 16 bits, and the length.</summary>
    static uint Sum(byte[] file, int field)
    {
        ulong sum = 0;
        for (int at = 0; at < file.Length; at += 2)
        {
            bool isField = at >= field && at < field + 4;
            sum += isField ? 0u : file[at] | (at + 1 < file.Length ? (uint)file[at + 1] << 8 : 0);
        }

        while (sum >> 16 != 0)
        {
            sum = (sum & 0xFFFF) + (sum >> 16);
        }

        return (uint)sum + (uint)file.Length;
    }
}
