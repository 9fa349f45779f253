using System.Globalization;
using Rewriter.Images;
using Runtime.Engines;
using Runtime.Loading;
using Runtime.Memory;
using Xunit;

namespace Tests.Loading;

/// <summary>Whatever a file says, loading it ends in a machine or in one line.</summary>
public sealed class HostileImageTests
{
    public static TheoryData<string> Cases()
        => [.. File.ReadLines(Path.Combine(AppContext.BaseDirectory, "Loading", "Cases", "hostile-elf.txt")).Where(line => !line.StartsWith('#'))];

    [Theory]
    [MemberData(nameof(Cases))]
    public void ContradictoryElfIsRefused(string line)
    {
        string[] parts = line.Split('|');
        string[] field = parts[0].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        KernelFile file = KernelFile.Elf([0xF4]);
        byte[] value = BitConverter.GetBytes(uint.Parse(field[2], NumberStyles.HexNumber, CultureInfo.InvariantCulture));
        file.Set8(int.Parse(field[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture), value[..int.Parse(field[1], CultureInfo.InvariantCulture)]);
        BadImageException bad = Assert.Throws<BadImageException>(() => Load(file.Bytes));
        Assert.Contains(parts[1].Trim(), bad.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', bad.Message);
    }

    [Fact]
    public void OverlappingPhysicalRangesAreRefused()
    {
        // Two segments that are linked apart but loaded over each other.
        byte[] file = new byte[52 + 64 + 64];
        KernelFile.Elf([0xF4]).Bytes[..52].CopyTo(file, 0);
        KernelFile.Elf([0xF4]).Bytes[52..84].CopyTo(file, 52);
        file.AsSpan(52, 32).CopyTo(file.AsSpan(84));
        BitConverter.TryWriteBytes(file.AsSpan(44), (ushort)2);
        BitConverter.TryWriteBytes(file.AsSpan(84 + 8), 0x20_0000);
        BadImageException bad = Assert.Throws<BadImageException>(() => Load(file));
        Assert.Contains("overlap", bad.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void EveryTruncationIsRefusedOrLoads()
    {
        foreach (KernelFile file in new[] { KernelFile.Elf([0xF4]), KernelFile.Flat(0xF4) })
        {
            for (int length = 0; length < file.Bytes.Length; length++)
            {
                LoadOrRefuse(file.Truncate(length).Bytes);
            }
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void RandomDamageIsRefusedOrLoads(int seed)
    {
        var random = new Random(seed);
        for (int i = 0; i < 3000; i++)
        {
            byte[] file = (byte[])(i % 2 == 0 ? KernelFile.Elf([0xF4]) : KernelFile.Flat(0xF4)).Bytes.Clone();
            for (int damage = random.Next(1, 5); damage > 0; damage--)
            {
                file[random.Next(file.Length)] = random.Next(4) switch
                {
                    0 => 0,
                    1 => 0xFF,
                    _ => (byte)random.Next(256),
                };
            }

            LoadOrRefuse(file);
        }
    }

    [Fact]
    public void SixtyFourBitLinuxIsRefusedByName()
    {
        var image = new KernelImage
        {
            Name = "vmlinuz",
            Format = ImageFormat.BzImage,
            Bitness = 64,
            File = new byte[16],
            Payload = new byte[16],
            EntryPoint = 0,
            Sections = [],
            Symbols = [],
            Relocations = [],
        };
        Assert.Contains("64-bit Linux", Assert.Throws<BadImageException>(() => BootPlan.For(image)).Message, StringComparison.Ordinal);
    }

    private static void LoadOrRefuse(byte[] file)
    {
        try
        {
            Load(file);
        }
        catch (BadImageException)
        {
        }
    }

    private static void Load(byte[] file)
    {
        using var memory = new GuestMemory(4 << 20);
        BootLoader.Load(KernelImage.Load("kernel", file), new BootParameters("kernel", []), memory, new VcpuState());
    }
}
