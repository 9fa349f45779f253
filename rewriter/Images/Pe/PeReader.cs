// PE32 and PE32+ images: EFI applications and PE kernels.
namespace Rewriter.Images.Pe;

/// <summary>Reads PE executables for x86.</summary>
sealed class PeReader : IImageReader
{
    public bool Recognises(ByteView file) =>
        file.Bytes.Span.StartsWith("MZ"u8) && file.Has(0x3C, 4) && file.Has(file.U32(0x3C, ""), 4)
            && file.U32(file.U32(0x3C, ""), "") == 0x4550;

    public KernelImage Read(string name, ByteView file)
    {
        PeHeader header = PeHeader.Read(file);
        List<ImageSection> sections = header.ReadSections(file);
        List<RelocationEntry> relocations = PeRelocations.Read(file, header, sections);
        return new KernelImage
        {
            Name = name,
            Format = header.Is64 ? ImageFormat.Pe32Plus : ImageFormat.Pe32,
            Bitness = header.Is64 ? 64 : 32,
            File = file.Bytes,
            Payload = file.Bytes,
            EntryPoint = header.ImageBase + header.EntryPoint,
            Sections = sections,
            Symbols = [],
            Relocations = [.. relocations.Select(r => r.Word).Distinct().Order()],
            RelocationEntries = relocations,
        };
    }
}
