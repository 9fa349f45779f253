using System.Buffers.Binary;
using Rewriter;
using Rewriter.Images;
using Rewriter.Scanning;
using Runtime.Abi;
using Xunit;

namespace Tests.Images;

/// <summary>What each reader sees in a file whose content is known.</summary>
public sealed class ImageReaderTests
{
    [Fact]
    public void ReadsElfSectionsAndSymbols()
    {
        KernelImage image = KernelImage.Load("tiny.elf", Fixture.Bytes("tiny.elf"));
        Assert.Equal(ImageFormat.Elf32, image.Format);
        Assert.Equal(0x100000u, image.EntryPoint);
        Assert.Equal([".text", ".rodata", ".multiboot", ".bss"], image.Sections.Select(s => s.Name));
        Assert.Equal([0x100000u], image.Symbols.Where(s => s.Name == "_start" && s.IsFunction).Select(s => (uint)s.Address));
        Assert.Equal(2, image.Segments.Count);
        ImageSection bss = image.Sections[3];
        Assert.Equal((0, 4096), (bss.FileSize, bss.MemorySize));
    }

    [Fact]
    public void UsesSegmentsWhereThereAreNoSections()
    {
        byte[] file = Fixture.Bytes("tiny-stripped.elf");
        file.AsSpan(48, 4).Clear(); // e_shnum, e_shstrndx
        KernelImage image = KernelImage.Load("tiny", file);
        Assert.Equal(2, image.Sections.Count);
        Assert.All(image.Sections, s => Assert.Equal("", s.Name));
        Assert.Empty(image.Symbols);
    }

    [Fact]
    public void ReadsPeWithFewDirectories()
    {
        KernelImage image = KernelImage.Load("pe", ImageBuilder.Pe([0xC3], [ImageBuilder.PeText]));
        Assert.Equal(ImageFormat.Pe32, image.Format);
        Assert.Equal(ImageBuilder.PeText, image.EntryPoint);
        Assert.Equal([".text", ".data", ".reloc"], image.Sections.Select(s => s.Name));
        Assert.Equal([ImageBuilder.PeBase + 0x2000ul], image.Relocations);
    }

    [Fact]
    public void ReadsBzImageWithItsRelocations()
    {
        byte[] elf = Fixture.Bytes("tiny.elf");
        KernelImage image = KernelImage.Load("bz", ImageBuilder.BzImage(elf, [0x100040, 0x100044], ImageBuilder.Gzip));
        Assert.Equal(ImageFormat.BzImage, image.Format);
        Assert.Equal(elf, image.Payload.Span[..elf.Length].ToArray());
        Assert.Equal([0x100040ul, 0x100044ul], image.Relocations);
    }

    [Fact]
    public void ReadsFlatMultiboot()
    {
        KernelImage image = KernelImage.Load("flat", ImageBuilder.Multiboot([0xF4]));
        Assert.Equal(ImageFormat.Multiboot, image.Format);
        Assert.Equal(0x100020u, image.EntryPoint);
        Assert.Equal(33, Assert.Single(image.Sections).FileSize);
    }

    [Theory]
    [InlineData("", "empty")]
    [InlineData("hello", "neither ELF")]
    public void RefusesWhatIsNoImage(string content, string message)
    {
        var error = Assert.Throws<BadImageException>(() => KernelImage.Load("x", System.Text.Encoding.ASCII.GetBytes(content)));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ReadsRelocatableObjects()
    {
        KernelImage image = KernelImage.Load("module.o", Fixture.Bytes("module.o"));
        Assert.Equal(ImageFormat.Elf32Object, image.Format);
        ImageSection text = image.Sections.Single(s => s.Name == ".text");
        ImageSection table = image.Sections.Single(s => s.Name == ".rodata");
        Assert.Equal(text.Address, image.Symbols.Single(s => s.Name == "entry").Address);
        Assert.Contains(table.Address, image.Relocations);
        Assert.Equal((uint)text.Address + 0x30, BinaryPrimitives.ReadUInt32LittleEndian(image.Bytes(table)));
    }

    [Theory]
    [InlineData("module.o")]
    [InlineData("tiny.elf")]
    public void PackedFilesAreUnpackedForScanningOnly(string name)
    {
        KernelImage image = KernelImage.Load(name + ".gz", ImageBuilder.Gzip(Fixture.Bytes(name)));
        Assert.Equal(Scanner.Scan(KernelImage.Load(name, Fixture.Bytes(name))).Sites.Select(s => s.Address), Scanner.Scan(image).Sites.Select(s => s.Address));
        Assert.Contains("packed", Assert.Throws<BadImageException>(() => RewritePipeline.Plan(image, ExecutionMode.Para)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ReadsDebianKernels()
    {
        foreach (string pattern in (string[])["vmlinuz-6.1.0-*-686", "vmlinuz-6.1.0-*-686-pae"])
        {
            KernelImage image = KernelImage.Load(Fixture.Downloaded(pattern));
            Assert.Equal(ImageFormat.BzImage, image.Format);
            Assert.Equal(0xC1000000u, image.EntryPoint);
            Assert.InRange(image.Symbols.Count, 40_000, 60_000);
            Assert.InRange(image.Relocations.Count, 200_000, 350_000);
            Assert.Contains(image.Symbols, s => s.Name == "start_kernel" && s.IsFunction);
            Assert.Contains(image.Sections, s => s.Name == ".altinstr_replacement");
        }
    }
}
