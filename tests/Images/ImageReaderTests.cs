using Rewriter.Images;
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
    public void RefusesRelocatableObjects()
    {
        byte[] file = Fixture.Bytes("tiny.elf");
        file[16] = 1;
        Assert.Contains("relocatable", Assert.Throws<BadImageException>(() => KernelImage.Load("x.o", file)).Message,
            StringComparison.Ordinal);
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
