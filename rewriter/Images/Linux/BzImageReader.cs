// Linux bzImage: a boot sector with a setup header (Documentation/x86/boot.rst), a decompressor, and the kernel's ELF file, packed.
using Rewriter.Images.Compression;
using Rewriter.Images.Elf;

namespace Rewriter.Images.Linux;

/// <summary>Unpacks a bzImage and reads the ELF file in it, its relocation table and its kallsyms.</summary>
sealed class BzImageReader : IImageReader
{
    const ushort FirstVersionWithPayload = 0x0208, FirstVersionWithLoadFlags = 0x020C;

    /// <summary>xloadflags, XLF_KERNEL_64: there is a 64-bit entry point.</summary>
    const ushort Kernel64 = 1;

    /// <summary>A setup header that names a payload. Loaders such as memtest86+ carry the header without one: they are read as what else
    /// they are.</summary>
    public bool Recognises(ByteView file) =>
        file.Has(0x1FE, 0x52) && file.U16(0x1FE, "") == 0xAA55 && file.U32(0x202, "") == 0x53726448
        && file.U16(0x206, "") >= FirstVersionWithPayload && file.U32(0x24C, "") != 0;

    public KernelImage Read(string name, ByteView file)
    {
        int setupSectors = file.U8(0x1F1, "boot header");
        long protectedMode = ((setupSectors == 0 ? 4 : setupSectors) + 1) * 512L;
        long offset = protectedMode + file.U32(0x248, "boot header");
        ByteView packed = file.Slice(offset, file.U32(0x24C, "boot header"), "bzImage payload");
        byte[] payload = Unpack(file, packed);
        try
        {
            var view = new ByteView(payload);
            var elf = new ElfReader();
            if (!elf.Recognises(view))
            {
                throw new BadImageException("not an ELF file", 0);
            }

            return ReadPayload(name, file, view, elf.Read(name, view));
        }
        catch (BadImageException inner)
        {
            throw new BadImageException($"unpacked bzImage payload: {inner.Message}", offset);
        }
    }

    /// <summary>A kernel that cannot be read is named for what its header says, so that nobody looks for a decompressor in vain.</summary>
    static byte[] Unpack(ByteView file, ByteView packed)
    {
        try
        {
            return CompressedPayload.Unpack(packed);
        }
        catch (BadImageException inner) when (file.U16(0x206, "") >= FirstVersionWithLoadFlags
            && (file.U16(0x236, "boot header") & Kernel64) != 0)
        {
            throw new BadImageException($"64-bit Linux kernel: only 32-bit kernels can run; its payload: {inner.Message}");
        }
    }

    static KernelImage ReadPayload(string name, ByteView file, ByteView payload, KernelImage elf)
    {
        ElfHeader header = ElfHeader.Read(payload);
        long end = Math.Max(
            header.SectionHeaders + ((long)header.SectionCount * header.SectionHeaderSize),
            elf.Segments.Max(s => s.FileOffset + s.FileSize));
        List<ulong> relocations = header.Is64 ? [] : LinuxRelocations.Read(payload, end);
        return new KernelImage
        {
            Name = name,
            Format = ImageFormat.BzImage,
            Bitness = elf.Bitness,
            File = file.Bytes,
            Payload = payload.Bytes,
            EntryPoint = LinkedAddress(elf, elf.EntryPoint),
            OtherEntryPoints = elf.OtherEntryPoints,
            PvhEntry = elf.PvhEntry,
            Segments = elf.Segments,
            Sections = elf.Sections,
            Symbols = elf.Symbols.Count != 0 ? elf.Symbols : Kallsyms.TryRead(elf),
            Relocations = relocations,
        };
    }

    /// <summary>The kernel's e_entry is physical (arch/x86/kernel/vmlinux.lds.S: phys_startup_32); code is found by linked
    /// address.</summary>
    static ulong LinkedAddress(KernelImage elf, ulong entry)
    {
        foreach (ImageSection segment in elf.Segments)
        {
            if (!segment.Contains(entry) && entry >= segment.LoadAddress && entry - segment.LoadAddress < (ulong)segment.FileSize)
            {
                return segment.Address + (entry - segment.LoadAddress);
            }
        }

        return entry;
    }
}
