// PE32 and PE32+ images: EFI applications and PE kernels, through the framework's own header reader.
using System.Reflection.PortableExecutable;
using System.Runtime.InteropServices;

namespace Rewriter.Images.Pe;

/// <summary>Reads PE executables for x86.</summary>
sealed class PeReader : IImageReader
{
    public bool Recognises(ByteView file) =>
        file.Bytes.Span.StartsWith("MZ"u8) && file.Has(0x3C, 4) && file.Has(file.U32(0x3C, ""), 4) && file.U32(file.U32(0x3C, ""), "") == 0x4550;

    public KernelImage Read(string name, ByteView file)
    {
        PEHeaders headers = ReadHeaders(file);
        PEHeader optional = headers.PEHeader ?? throw new BadImageException("PE file without an optional header", 0x3C);
        bool is64 = optional.Magic == PEMagic.PE32Plus;
        if (headers.CoffHeader.Machine != (is64 ? Machine.Amd64 : Machine.I386))
        {
            throw new BadImageException($"PE machine {headers.CoffHeader.Machine} is not x86", headers.CoffHeaderStartOffset);
        }

        List<ImageSection> sections = ReadSections(file, headers, optional, is64);
        return new KernelImage
        {
            Name = name,
            Format = is64 ? ImageFormat.Pe32Plus : ImageFormat.Pe32,
            Bitness = is64 ? 64 : 32,
            File = file.Bytes,
            Payload = file.Bytes,
            EntryPoint = optional.ImageBase + (uint)optional.AddressOfEntryPoint,
            Sections = sections,
            Symbols = [],
            Relocations = PeRelocations.Read(file, headers, optional),
        };
    }

    static PEHeaders ReadHeaders(ByteView file)
    {
        MemoryMarshal.TryGetArray(file.Bytes, out ArraySegment<byte> segment);
        using var stream = segment.Array is null
            ? new MemoryStream(file.Bytes.ToArray(), false)
            : new MemoryStream(segment.Array, segment.Offset, segment.Count, false);
        try
        {
            return new PEHeaders(stream);
        }
        catch (Exception error) when (error is BadImageFormatException or IOException or ArgumentException or InvalidOperationException or OverflowException)
        {
            throw new BadImageException("PE headers are malformed", 0x3C);
        }
    }

    static List<ImageSection> ReadSections(ByteView file, PEHeaders headers, PEHeader optional, bool is64)
    {
        var sections = new List<ImageSection>();
        ulong limit = is64 ? ulong.MaxValue : 1UL << 32;
        ulong end = 0;
        foreach (SectionHeader header in headers.SectionHeaders.OrderBy(s => (uint)s.VirtualAddress))
        {
            ulong address = optional.ImageBase + (uint)header.VirtualAddress;
            long memorySize = header.VirtualSize == 0 ? (uint)header.SizeOfRawData : (uint)header.VirtualSize;
            long fileSize = Math.Min((uint)header.SizeOfRawData, memorySize);
            if (memorySize == 0)
            {
                continue;
            }

            long offset = fileSize == 0 ? 0 : (uint)header.PointerToRawData;
            file.Slice(offset, fileSize, $"PE section {header.Name}");
            if (address > limit - (ulong)memorySize || address < optional.ImageBase)
            {
                throw new BadImageException($"PE section {header.Name} at 0x{address:x} passes the address space", headers.PEHeaderStartOffset);
            }

            if (address < end)
            {
                throw new BadImageException($"PE section {header.Name} at 0x{address:x} overlaps the one before", headers.PEHeaderStartOffset);
            }

            end = address + (ulong)memorySize;
            bool isExecutable = (header.SectionCharacteristics & (SectionCharacteristics.MemExecute | SectionCharacteristics.ContainsCode)) != 0;
            bool isWritable = (header.SectionCharacteristics & SectionCharacteristics.MemWrite) != 0;
            sections.Add(new ImageSection(header.Name, address, address, offset, fileSize, memorySize, isExecutable, isWritable));
        }

        return sections.Count != 0 ? sections : throw new BadImageException("PE file has nothing to load", headers.PEHeaderStartOffset);
    }
}
