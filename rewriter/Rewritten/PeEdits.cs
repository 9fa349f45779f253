// What a patched PE file needs besides its patches, so that a loader neither undoes nor refuses them (PE specification, "Optional Header",
// "The .reloc Section").
using System.Buffers.Binary;
using Rewriter.Images;
using Rewriter.Patching;

namespace Rewriter.Rewritten;

/// <summary>A change outside the patches.</summary>
/// <param name="Offset">In the file.</param>
public sealed record FileEdit(long Offset, byte[] Bytes);

/// <summary>Changes to headers and relocation entries of a PE32 file.</summary>
static class PeEdits
{
    const int OptionalHeader = 24; // from the signature
    const int Characteristics = 22;
    const int RelocationsStripped = 1;
    const int CheckSum = OptionalHeader + 64;
    const int DllCharacteristics = OptionalHeader + 70;
    const int DynamicBase = 0x40;
    const int DirectoryCount = OptionalHeader + 92;
    const int CertificateTable = OptionalHeader + 96 + (8 * 4);

    /// <summary>By ascending offset. The checksum's is among them, its bytes zero: <see cref="WriteCheckSum"/> comes last.</summary>
    public static List<FileEdit> Of(KernelImage image, PatchPlan plan)
    {
        var file = new ByteView(image.File);
        long header = file.U32(0x3C, "PE header offset");
        var edits = new List<FileEdit>();
        if (plan.Patches.Any(p => p.Trampoline.Length != 0))
        {
            // Jumps to the monitor window are right for one place only: the preferred one.
            edits.Add(Half(header + Characteristics, file.U16(header + Characteristics, "PE header") | RelocationsStripped));
            edits.Add(Half(header + DllCharacteristics, file.U16(header + DllCharacteristics, "PE header") & ~DynamicBase));
        }

        edits.Add(new FileEdit(header + CheckSum, new byte[4]));
        if (file.U32(header + DirectoryCount, "PE optional header") > 4 && file.U32(header + CertificateTable, "PE data directory") != 0)
        {
            edits.Add(new FileEdit(header + CertificateTable, new byte[8])); // a signature of other bytes
        }

        edits.AddRange(image.RelocationEntries.Where(entry => IsOverwritten(plan, (uint)entry.Word)).Select(entry => Half(entry.FileOffset, 0)));
        return [.. edits.OrderBy(e => e.Offset)];
    }

    /// <summary>The sum that ImageHlp's CheckSumMappedFile computes: 16-bit words with their carries, the field itself aside, and the
    /// length.</summary>
    public static void WriteCheckSum(Span<byte> file)
    {
        int field = BinaryPrimitives.ReadInt32LittleEndian(file[0x3C..]) + CheckSum;
        BinaryPrimitives.WriteUInt32LittleEndian(file[field..], 0);
        BinaryPrimitives.WriteUInt32LittleEndian(file[field..], Sum(file));
    }

    /// <summary>The checksum of a file whose field is zero.</summary>
    public static uint Sum(ReadOnlySpan<byte> file)
    {
        uint sum = 0;
        for (int at = 0; at < file.Length; at += 2)
        {
            sum += at + 1 < file.Length ? BinaryPrimitives.ReadUInt16LittleEndian(file[at..]) : file[at];
            sum = (sum & 0xFFFF) + (sum >> 16);
        }

        return sum + (uint)file.Length;
    }

    static bool IsOverwritten(PatchPlan plan, uint word) =>
        plan.Patches.Any(p => word + 4ul > p.Address && word < (ulong)p.Address + (ulong)p.NewBytes.Length);

    static FileEdit Half(long offset, int value) => new(offset, [(byte)value, (byte)(value >> 8)]);
}
