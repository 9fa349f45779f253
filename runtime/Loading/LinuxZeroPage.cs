// The Linux 32-bit boot protocol (Documentation/arch/x86/boot.rst, 1.15; zero-page.rst) for a kernel that the loader has unpacked itself:
// the setup header is copied from the file, the rest of the zero page says what a BIOS would have been asked for.
using System.Text;
using Rewriter.Images;
using Runtime.Memory;

namespace Runtime.Loading;

/// <summary>Writes the zero page, the command line and the initial RAM disk of a Linux kernel.</summary>
internal static class LinuxZeroPage
{
    // Offsets in struct boot_params (arch/x86/include/uapi/asm/bootparam.h).
    private const uint E820Count = 0x1E8, SetupHeader = 0x1F1, TypeOfLoader = 0x210, RamdiskImage = 0x218, RamdiskSize = 0x21C;
    private const uint CommandLinePointer = 0x228, InitrdAddressMaximum = 0x22C, CommandLineSize = 0x238, E820Table = 0x2D0;
    private const int E820EntrySize = 20;

    /// <summary>End of the longest setup header that is copied: up to handover_offset and kernel_info_offset.</summary>
    private const int SetupHeaderEnd = 0x26C;

    /// <summary>"Undefined" boot loader.</summary>
    private const byte UnknownLoader = 0xFF;

    /// <summary>Where initrds end for kernels that do not say.</summary>
    private const uint DefaultInitrdMaximum = 0x37FF_FFFF;

    /// <returns>Physical address of the zero page, for ESI.</returns>
    /// <exception cref="BadImageException">The command line or the initrd does not fit, or there are several initrds.</exception>
    public static uint Write(KernelImage image, BootParameters parameters, BootSpace space, GuestMemory memory)
    {
        uint page = space.Place(4096, MachineLayout.LinuxZeroPage, 4096, "the zero page");
        Span<byte> zeroPage = memory.Slice(new GuestPhysicalAddress(page), 4096);
        zeroPage.Clear();
        ReadOnlySpan<byte> header = image.File.Span;
        header[(int)SetupHeader..Math.Min(SetupHeaderEnd, header.Length)].CopyTo(zeroPage[(int)SetupHeader..]);
        memory.Write8(page + TypeOfLoader, UnknownLoader);

        WriteCommandLine(page, parameters.CommandLine, space, memory);
        WriteMemoryMap(page, memory);
        WriteInitrd(page, parameters.Modules, space, memory);
        return page;
    }

    private static void WriteCommandLine(uint page, string commandLine, BootSpace space, GuestMemory memory)
    {
        byte[] text = [.. Encoding.UTF8.GetBytes(commandLine), 0];
        uint longest = memory.Read32(page + CommandLineSize);
        if (longest != 0 && text.Length - 1 > longest)
        {
            throw new BadImageException($"command line of {text.Length - 1} bytes: this kernel takes {longest}");
        }

        uint address = space.Place((uint)text.Length, page + 4096, 16, "the command line");
        text.CopyTo(memory.Slice(new GuestPhysicalAddress(address), text.Length));
        memory.Write32(page + CommandLinePointer, address);
    }

    private static void WriteMemoryMap(uint page, GuestMemory memory)
    {
        IReadOnlyList<MultibootMemoryRegion> map = MemoryMap.For(memory.RamLength);
        memory.Write8(page + E820Count, (byte)map.Count);
        for (int i = 0; i < map.Count; i++)
        {
            ulong at = page + E820Table + (ulong)(i * E820EntrySize);
            memory.Write64(at, map[i].Address);
            memory.Write64(at + 8, map[i].Length);
            memory.Write32(at + 16, map[i].Type);
        }
    }

    /// <summary>As high as RAM and the kernel allow, as boot loaders do.</summary>
    private static void WriteInitrd(uint page, IReadOnlyList<BootModule> modules, BootSpace space, GuestMemory memory)
    {
        if (modules.Count == 0)
        {
            return;
        }

        if (modules.Count > 1)
        {
            throw new BadImageException("Linux takes one initrd; pack several into one file");
        }

        ReadOnlySpan<byte> contents = modules[0].Contents.Span;
        uint maximum = memory.Read32(page + InitrdAddressMaximum);
        ulong top = Math.Min(memory.RamLength - MachineLayout.FirmwareReserve, (maximum == 0 ? DefaultInitrdMaximum : maximum) + 1ul);
        ulong from = top > (ulong)contents.Length ? (top - (ulong)contents.Length) & ~0xFFFul : 0;
        uint address = space.Place((ulong)contents.Length, from, 4096, $"the initrd {modules[0].CommandLine}");
        if (address + (ulong)contents.Length > top)
        {
            throw new BadImageException($"the initrd {modules[0].CommandLine} is too large: beside the kernel, there is no room for it below {top >> 20} MiB, "
                + "where this kernel takes it");
        }

        contents.CopyTo(memory.Slice(new GuestPhysicalAddress(address), contents.Length));
        memory.Write32(page + RamdiskImage, address);
        memory.Write32(page + RamdiskSize, (uint)contents.Length);
    }
}
