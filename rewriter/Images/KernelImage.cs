// A kernel image as read from a file: immutable, validated once. Patches are objects applied while writing, never edits of these bytes.
namespace Rewriter.Images;

/// <summary>File formats that can be read.</summary>
public enum ImageFormat
{
    Elf32,
    Elf64,
    Pe32,
    Pe32Plus,

    /// <summary>A flat binary whose multiboot header holds its addresses.</summary>
    Multiboot,

    BzImage,

    /// <summary>A relocatable object: a kernel module, or what a compiler writes. Its addresses are this reader's choice.</summary>
    Elf32Object,
    Elf64Object,
}

/// <summary>A range of the image that is loaded: a section where the file names sections, else a segment.</summary>
/// <param name="Name">As the file spells it, e.g. ".text"; "" where it has none.</param>
/// <param name="Address">Linked virtual address of the first byte.</param>
/// <param name="LoadAddress">Physical address where the loader puts it; the same as <paramref name="Address"/> where the format has no
/// such notion.</param>
/// <param name="FileOffset">Offset of its bytes in <see cref="KernelImage.Payload"/>.</param>
/// <param name="FileSize">Bytes that come from the file.</param>
/// <param name="MemorySize">Bytes in memory; those past <paramref name="FileSize"/> are zero.</param>
public sealed record ImageSection(string Name, ulong Address, ulong LoadAddress, long FileOffset, long FileSize, long MemorySize,
    bool IsExecutable, bool IsWritable)
{
    public bool Contains(ulong address) => address >= Address && address - Address < (ulong)MemorySize;
}

/// <summary>A named address. <paramref name="Size"/> is 0 where unknown.</summary>
public readonly record struct ImageSymbol(string Name, ulong Address, ulong Size, bool IsFunction);

/// <summary>An entry of a relocation table.</summary>
/// <param name="Word">Linked address of the word that holds an absolute address.</param>
/// <param name="FileOffset">Of the entry itself.</param>
public readonly record struct RelocationEntry(ulong Word, long FileOffset);

/// <summary>
/// An immutable kernel image. Constructing it validates everything; written unchanged it is the input byte for byte.
/// For a bzImage, <see cref="File"/> is the whole file and <see cref="Payload"/> the unpacked ELF; for a relocatable object the payload has
/// its relocations applied; otherwise both are the same bytes.
/// </summary>
public sealed class KernelImage
{
    public required string Name { get; init; }
    public required ImageFormat Format { get; init; }
    public required int Bitness { get; init; }
    public required ReadOnlyMemory<byte> File { get; init; }
    public required ReadOnlyMemory<byte> Payload { get; init; }

    /// <summary>What a loader maps, by address: segments where the format has them, else the sections.</summary>
    public IReadOnlyList<ImageSection> Segments { get => field ?? Sections; init; }

    /// <summary>Linked virtual address where execution starts; for multiboot the entry that the loader jumps to.</summary>
    public required ulong EntryPoint { get; init; }

    /// <summary>Loadable ranges by address; they do not overlap.</summary>
    public required IReadOnlyList<ImageSection> Sections { get; init; }

    /// <summary>Further linked virtual addresses where a loader may start: the PVH entry of a Linux kernel; of an object, what relative words
    /// in its data name.</summary>
    public IReadOnlyList<ulong> OtherEntryPoints { get; init; } = [];

    /// <summary>Physical address where PVH starts, as the file has it: it may lie outside of what is loaded. Null where the file names
    /// none.</summary>
    public ulong? PvhEntry { get; init; }

    /// <summary>Symbols by address.</summary>
    public required IReadOnlyList<ImageSymbol> Symbols { get; init; }

    /// <summary>Addresses (linked, virtual) of the words that hold absolute addresses, where the file has a relocation table;
    /// sorted.</summary>
    public required IReadOnlyList<ulong> Relocations { get; init; }

    /// <summary>Of a PE image: where the file says so. Empty for other formats.</summary>
    public IReadOnlyList<RelocationEntry> RelocationEntries { get; init; } = [];

    /// <summary>Reads a file and recognises its format.</summary>
    /// <exception cref="BadImageException">Missing, unreadable, malformed, or of no supported format.</exception>
    public static KernelImage Load(string path) => ImageLoader.Load(path);

    /// <summary>The bytes of a file that may be an image.</summary>
    /// <exception cref="BadImageException">Missing, unreadable or too large.</exception>
    public static byte[] ReadFile(string path) => ImageLoader.ReadFile(path);

    /// <summary>The bytes of another file that a kernel is given, such as an initial RAM disk.</summary>
    /// <param name="most">Bytes that it may have.</param>
    /// <exception cref="BadImageException">Missing, unreadable or too large.</exception>
    public static byte[] ReadFile(string path, int most) => ImageLoader.ReadFile(path, most);

    /// <summary>Whether a file claims, by its magic numbers, to be an image of a supported format or a packed one.</summary>
    public static bool IsRecognised(ReadOnlyMemory<byte> file) => ImageLoader.IsRecognised(file);

    /// <summary>Recognises the format of a file that is in memory.</summary>
    /// <param name="name">For messages and reports.</param>
    /// <exception cref="BadImageException">Malformed, or of no supported format.</exception>
    public static KernelImage Load(string name, ReadOnlyMemory<byte> file) => ImageLoader.Load(name, file);

    /// <summary>Whether the file as a whole was packed: it can be scanned, but not written back.</summary>
    public bool IsPacked { get; private init; }

    /// <summary>The same image, read from a file that it was packed in.</summary>
    internal KernelImage AsUnpackedFrom(ReadOnlyMemory<byte> packed) => new()
    {
        Name = Name,
        Format = Format,
        Bitness = Bitness,
        File = packed,
        Payload = Payload,
        Segments = Segments,
        EntryPoint = EntryPoint,
        Sections = Sections,
        OtherEntryPoints = OtherEntryPoints,
        PvhEntry = PvhEntry,
        Symbols = Symbols,
        Relocations = Relocations,
        IsPacked = true,
    };

    /// <summary>The bytes of a section that come from the file.</summary>
    public ReadOnlySpan<byte> Bytes(ImageSection section) => Payload.Span.Slice((int)section.FileOffset, (int)section.FileSize);

    /// <summary>The section that holds an address, or null.</summary>
    public ImageSection? SectionAt(ulong address)
    {
        int low = 0;
        int high = Sections.Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            (low, high) = Sections[middle].Address <= address ? (middle + 1, high) : (low, middle);
        }

        // An empty section may begin where another does.
        for (int i = low - 1; i >= 0 && Sections[i].Address == Sections[low - 1].Address; i--)
        {
            if (Sections[i].Contains(address))
            {
                return Sections[i];
            }
        }

        return null;
    }
}
