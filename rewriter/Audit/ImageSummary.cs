using Rewriter.Images;

namespace Rewriter.Audit;

/// <summary>What reports say of an image.</summary>
/// <param name="CodeBytes">Bytes in executable sections.</param>
public sealed record ImageSummary(string Name, string Format, int Bitness, long Size, ulong EntryPoint, int SectionCount, int SymbolCount,
    int RelocationCount, long CodeBytes)
{
    public static ImageSummary Of(KernelImage image) => new(
        image.Name,
        NameOf(image.Format),
        image.Bitness,
        image.File.Length,
        image.EntryPoint,
        image.Sections.Count,
        image.Symbols.Count,
        image.Relocations.Count,
        image.Sections.Where(s => s.IsExecutable).Sum(s => s.FileSize));

    static string NameOf(ImageFormat format) => format switch
    {
        ImageFormat.Elf32 => "elf32",
        ImageFormat.Elf64 => "elf64",
        ImageFormat.Pe32 => "pe32",
        ImageFormat.Pe32Plus => "pe32+",
        ImageFormat.Multiboot => "multiboot",
        ImageFormat.BzImage => "bzimage",
        ImageFormat.Elf32Object => "elf32-object",
        ImageFormat.Elf64Object => "elf64-object",
        _ => throw new ArgumentOutOfRangeException(nameof(format)),
    };
}
