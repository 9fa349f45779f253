namespace Rewriter.Images;

/// <summary>Reads flat binaries that are loadable by their multiboot header alone (flag bit 16): one range, everything in it.</summary>
sealed class MultibootReader : IImageReader
{
    public bool Recognises(ByteView file) => MultibootHeader.TryFind(file, out MultibootHeader header) && header.HasAddresses;

    public KernelImage Read(string name, ByteView file)
    {
        MultibootHeader.TryFind(file, out MultibootHeader header);
        // Multiboot 0.6.96 section 3.1.3: the file offset of the load address follows from the header's own two positions.
        long start = header.FileOffset - ((long)header.HeaderAddress - header.LoadAddress);
        long size = header.LoadEnd == 0 ? file.Length - start : (long)header.LoadEnd - header.LoadAddress;
        if (header.LoadAddress > header.HeaderAddress || start < 0 || size <= 0 || !file.Has(start, size))
        {
            throw new BadImageException("multiboot load addresses lie outside the file", header.FileOffset + 12);
        }

        long memorySize = header.BssEnd == 0 ? size : Math.Max(size, (long)header.BssEnd - header.LoadAddress);
        if (header.LoadAddress + memorySize > 1L << 32)
        {
            throw new BadImageException("multiboot load addresses pass 4 GiB", header.FileOffset + 16);
        }

        return new KernelImage
        {
            Name = name,
            Format = ImageFormat.Multiboot,
            Bitness = 32,
            File = file.Bytes,
            Payload = file.Bytes,
            EntryPoint = header.Entry,
            Sections = [new ImageSection("", header.LoadAddress, header.LoadAddress, start, size, memorySize, true, true)],
            Symbols = [],
            Relocations = [],
        };
    }
}
