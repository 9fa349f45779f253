// From a path to a KernelImage: size limit, format recognition. The list of readers is the list of formats.
using Rewriter.Images.Compression;
using Rewriter.Images.Elf;
using Rewriter.Images.Linux;
using Rewriter.Images.Pe;

namespace Rewriter.Images;

/// <summary>Chooses the reader for a file.</summary>
static class ImageLoader
{
    /// <summary>Larger than any kernel; small enough for one array.</summary>
    const int MaximumFileSize = 512 << 20;

    /// <summary>Many times what any kernel or module has; lists of so many are still searched from end to end.</summary>
    const int MostCodeSections = 4096;

    const int Arm64MagicOffset = 56;
    const uint Arm64Magic = 0x644D_5241;

    // Order matters: a bzImage with an EFI stub is also a PE image, and a multiboot header can be in any of them.
    static readonly IImageReader[] _readers = [new BzImageReader(), new ElfReader(), new PeReader(), new MultibootReader()];

    public static KernelImage Load(string path) => Load(Path.GetFileName(path), ReadFile(path));

    /// <summary>The bytes of a file.</summary>
    /// <exception cref="BadImageException">Missing, unreadable or too large.</exception>
    public static byte[] ReadFile(string path)
    {
        try
        {
            return BoundedFile.TryRead(path, MaximumFileSize)
                ?? throw new BadImageException($"larger than {MaximumFileSize >> 20} MiB");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException)
        {
            throw new BadImageException(error is FileNotFoundException or DirectoryNotFoundException ? "no such file"
                : Directory.Exists(path) ? "is a directory" : $"cannot be read: {error.Message.TrimEnd('.')}");
        }
    }

    public static bool IsRecognised(ReadOnlyMemory<byte> file) => file.Length != 0
        && (CompressedPayload.IsPacked(file.Span) || Array.Exists(_readers, reader => reader.Recognises(new ByteView(file))));

    public static KernelImage Load(string name, ReadOnlyMemory<byte> file)
    {
        if (file.Length == 0)
        {
            throw new BadImageException("the file is empty", 0);
        }

        // Modules are often installed packed (.ko.xz, .ko.gz).
        return CompressedPayload.IsPacked(file.Span)
            ? Read(name, new ByteView(CompressedPayload.Unpack(new ByteView(file)))).AsUnpackedFrom(file)
            : Read(name, new ByteView(file));
    }

    static KernelImage Read(string name, ByteView view)
    {
        // Documentation/arch/arm64/booting.rst: "ARM\x64" at 56; for EFI such an image is a PE image too.
        if (view.Has(Arm64MagicOffset, 4) && view.U32(Arm64MagicOffset, "") == Arm64Magic)
        {
            throw new BadImageException("arm64 Linux kernel: only x86 kernels can be read", Arm64MagicOffset);
        }

        foreach (IImageReader reader in _readers)
        {
            if (reader.Recognises(view))
            {
                return WithinBounds(reader.Read(name, view));
            }
        }

        throw new BadImageException("not a kernel image: neither ELF, PE, Linux bzImage nor multiboot", 0);
    }

    static KernelImage WithinBounds(KernelImage image)
    {
        int count = image.Sections.Count(s => s.IsExecutable);
        return count <= MostCodeSections ? image : throw new BadImageException($"{count} sections of code; {MostCodeSections} are the most that are read");
    }
}
