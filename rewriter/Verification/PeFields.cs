using Rewriter.Images;

namespace Rewriter.Verification;

/// <summary>What may, and what must, differ in a PE file besides the patches (PE specification, "Optional Header" and ".reloc").</summary>
static class PeFields
{
    const int Characteristics = 22;
    const int CheckSum = 24 + 64;
    const int DllCharacteristics = 24 + 70;
    const int CertificateTable = 24 + 96 + (8 * 4);

    /// <summary>Puts the changes that are due into what the file is expected to be.</summary>
    /// <param name="expected">The original with the listed patches; changed.</param>
    public static void Expect(VerifiedImage image, byte[] expected, CheckLog log)
    {
        int header = (int)new ByteView(image.Original.File).U32(0x3C, "PE header offset");
        if (image.Plan.Patches.Any(p => p.Trampoline.Length != 0))
        {
            expected[header + Characteristics] |= 1; // relocations stripped: jumps to the window hold for one place
            expected[header + DllCharacteristics] &= 0xBF;
        }

        if (BitConverter.ToUInt32(expected, header + 24 + 92) > 4 && BitConverter.ToUInt32(expected, header + CertificateTable) != 0)
        {
            expected.AsSpan(header + CertificateTable, 8).Clear();
        }

        foreach (RelocationEntry entry in image.Original.RelocationEntries)
        {
            bool isOverwritten = image.Plan.Patches.Any(p => entry.Word + 4 > p.Address && entry.Word < p.Address + (ulong)p.NewBytes.Length);
            if (isOverwritten)
            {
                expected.AsSpan((int)entry.FileOffset, 2).Clear(); // no relocation any more
            }
        }

        ReadOnlySpan<byte> file = image.File.Span;
        uint sum = (uint)Sum(file, header + CheckSum) + (uint)file.Length;
        log.Require(BitConverter.ToUInt32(file[(header + CheckSum)..]) == sum, (uint)(header + CheckSum), "the checksum in the header is not the file's");
        file.Slice(header + CheckSum, 4).CopyTo(expected.AsSpan(header + CheckSum));
    }

    /// <summary>The sum of all 16-bit words but those of the field, carries added at the end.</summary>
    static ulong Sum(ReadOnlySpan<byte> file, int field)
    {
        ulong sum = 0;
        for (int at = 0; at < file.Length; at++)
        {
            sum += at >= field && at < field + 4 ? 0 : (ulong)file[at] << (at % 2 * 8);
        }

        while (sum > 0xFFFF)
        {
            sum = (sum & 0xFFFF) + (sum >> 16);
        }

        return sum;
    }
}
