// Which bytes of an image go where and where it is entered: read from the image, before there is any memory to put it in.
using Rewriter.Images;
using Runtime.Memory;

namespace Runtime.Loading;

/// <summary>How a kernel expects to be started.</summary>
public enum BootProtocol
{
    /// <summary>Multiboot 0.6.96: registers and an information structure.</summary>
    Multiboot1,

    /// <summary>Xen's PVH entry (public/arch-x86/hvm/start_info.h): a note names the entry, EBX the start information.</summary>
    Pvh,

    /// <summary>Flat protected mode at the entry point, and nothing else.</summary>
    PlainElf,

    /// <summary>Linux's 32-bit boot protocol, the payload already unpacked.</summary>
    Linux,
}

/// <summary>A range of guest-physical memory that is filled from the file and then with zeros.</summary>
public readonly record struct LoadRange(uint Address, long FileOffset, long FileSize, uint MemorySize)
{
    /// <summary>First address past the range.</summary>
    public ulong End => (ulong)Address + MemorySize;
}

/// <summary>What is to be loaded. Constructed by <see cref="For"/> only, which checks everything.</summary>
/// <param name="Ranges">By address; below 4 GiB, inside the file, not overlapping.</param>
/// <param name="Entry">Physical; inside one of the ranges.</param>
public sealed record BootPlan(BootProtocol Protocol, IReadOnlyList<LoadRange> Ranges, GuestPhysicalAddress Entry)
{
    /// <summary>Whether the kernel is told its own name before what the user says: by multiboot's custom.</summary>
    public bool TellsKernelItsName => Protocol is BootProtocol.Multiboot1 or BootProtocol.PlainElf;

    /// <exception cref="BadImageException">The image cannot be booted by any protocol that is supported, or contradicts itself.</exception>
    public static BootPlan For(KernelImage image)
    {
        if (image.Format is not (ImageFormat.Elf32 or ImageFormat.Multiboot or ImageFormat.BzImage) || image.Bitness != 32)
        {
            throw new BadImageException(Refusal(image.Format));
        }

        MultibootHeader header = default;
        bool isMultiboot = image.Format != ImageFormat.BzImage && MultibootHeader.TryFind(new ByteView(image.File), out header);
        BootPlan plan = isMultiboot && header.HasAddresses ? ByAddressFields(image, header) : BySegments(image, isMultiboot);
        plan.Validate(image.Payload.Length);
        return plan;
    }

    private static string Refusal(ImageFormat format) => format switch
    {
        ImageFormat.Elf64 => "64-bit ELF kernel: only 32-bit kernels can run",
        ImageFormat.BzImage => "64-bit Linux kernel: only 32-bit kernels can run",
        ImageFormat.Pe32 or ImageFormat.Pe32Plus => "PE image: booting it is not supported",
        _ => $"{format} image: booting it is not supported",
    };

    private static BootPlan BySegments(KernelImage image, bool isMultiboot)
    {
        var ranges = new List<LoadRange>();
        foreach (ImageSection segment in image.Segments)
        {
            if (segment.LoadAddress + (ulong)segment.MemorySize > 1UL << 32)
            {
                throw new BadImageException($"segment of 0x{segment.MemorySize:x} bytes at physical 0x{segment.LoadAddress:x} passes 4 GiB");
            }

            ranges.Add(new LoadRange((uint)segment.LoadAddress, segment.FileOffset, segment.FileSize, (uint)segment.MemorySize));
        }

        BootProtocol protocol = ProtocolFor(image, isMultiboot);
        GuestPhysicalAddress entry = protocol == BootProtocol.Pvh ? new GuestPhysicalAddress(image.PvhEntry!.Value) : PhysicalEntry(image);
        return new BootPlan(protocol, [.. ranges.OrderBy(range => range.Address)], entry);
    }

    /// <summary>A kernel that can be started both by multiboot and by PVH is started by multiboot, as QEMU does it.</summary>
    private static BootProtocol ProtocolFor(KernelImage image, bool isMultiboot)
        => image.Format == ImageFormat.BzImage ? BootProtocol.Linux
            : isMultiboot ? BootProtocol.Multiboot1
            : image.PvhEntry is not null ? BootProtocol.Pvh
            : BootProtocol.PlainElf;

    /// <summary>Multiboot 0.6.96, 3.1.3: with bit 16 set the header's own addresses count, even in an ELF file.</summary>
    private static BootPlan ByAddressFields(KernelImage image, in MultibootHeader header)
    {
        long fileOffset = header.FileOffset - ((long)header.HeaderAddress - header.LoadAddress);
        long fileSize = header.LoadEnd == 0 ? image.File.Length - fileOffset : (long)header.LoadEnd - header.LoadAddress;
        long memorySize = header.BssEnd == 0 ? fileSize : Math.Max(fileSize, (long)header.BssEnd - header.LoadAddress);
        if (header.HeaderAddress < header.LoadAddress || fileOffset < 0 || fileSize <= 0 || header.LoadAddress + memorySize > 1L << 32)
        {
            throw new BadImageException("multiboot address fields contradict each other", header.FileOffset + 12);
        }

        LoadRange range = new(header.LoadAddress, fileOffset, fileSize, (uint)memorySize);
        return new BootPlan(BootProtocol.Multiboot1, [range], new GuestPhysicalAddress(header.Entry));
    }

    /// <summary>Where paging is off, the entry point of a segment that is linked elsewhere is where it was loaded; as GRUB and QEMU do it.</summary>
    private static GuestPhysicalAddress PhysicalEntry(KernelImage image)
    {
        foreach (ImageSection segment in image.Segments)
        {
            if (segment.IsExecutable && segment.Contains(image.EntryPoint))
            {
                return new GuestPhysicalAddress(image.EntryPoint - segment.Address + segment.LoadAddress);
            }
        }

        return new GuestPhysicalAddress(image.EntryPoint);
    }

    private void Validate(long fileLength)
    {
        for (int i = 0; i < Ranges.Count; i++)
        {
            LoadRange range = Ranges[i];
            if (range.FileOffset < 0 || range.FileSize > fileLength - range.FileOffset || range.FileSize > range.MemorySize)
            {
                throw new BadImageException($"range at physical 0x{range.Address:x} reaches past the end of the file", range.FileOffset);
            }

            if (i > 0 && range.Address < Ranges[i - 1].End)
            {
                throw new BadImageException($"ranges overlap at physical 0x{range.Address:x}");
            }
        }

        if (!Ranges.Any(range => Entry.Value >= range.Address && Entry.Value < range.End))
        {
            throw new BadImageException($"entry point 0x{Entry.Value:x} is outside what is loaded");
        }
    }
}
