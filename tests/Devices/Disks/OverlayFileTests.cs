using System.Buffers.Binary;
using Runtime.Devices;
using Runtime.Devices.Disks;
using Xunit;

namespace Tests.Devices.Disks;

public sealed class OverlayFileTests : IDisposable
{
    private const int Sectors = 501;
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory();
    private readonly byte[] _original = new byte[Sectors * DiskImage.SectorSize];

    public OverlayFileTests()
    {
        new Random(3).NextBytes(_original);
        File.WriteAllBytes(Base, _original);
    }

    private string Base => Path.Combine(_folder.FullName, "base.img");

    private string Overlay => Path.Combine(_folder.FullName, "over.cow");

    /// <summary>Whatever is written, in whatever pieces: the disk reads like an array, again after it was closed, and the base stays.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void ItReadsLikeADiskThatWasWritten(int seed)
    {
        var random = new Random(seed);
        byte[] model = [.. _original];
        for (int session = 0; session < 4; session++)
        {
            using DiskImage disk = DiskImage.OpenOverlay(Base, Overlay);
            for (int step = 0; step < 100; step++)
            {
                int sector = random.Next(Sectors), count = 1 + random.Next(Math.Min(40, Sectors - sector));
                byte[] bytes = new byte[count * DiskImage.SectorSize];
                if (random.Next(2) == 0)
                {
                    random.NextBytes(bytes);
                    disk.Write(sector, bytes);
                    bytes.CopyTo(model, sector * DiskImage.SectorSize);
                }
                else
                {
                    disk.Read(sector, bytes);
                    Assert.True(bytes.AsSpan().SequenceEqual(model.AsSpan(sector * DiskImage.SectorSize, bytes.Length)));
                }
            }
        }

        Assert.Equal(_original, File.ReadAllBytes(Base));
        using DiskImage last = DiskImage.OpenOverlay(Base, Overlay);
        byte[] all = new byte[model.Length];
        last.Read(0, all);
        Assert.Equal(model, all);
    }

    /// <summary>The power goes after any number of writes and synchronizations. What was flushed is there; of what was written since then,
    /// each sector is as it was or as it was written; and the file is one that is accepted.</summary>
    [Fact]
    public void APowerFailureTakesNothingThatWasFlushed()
    {
        var random = new Random(8);
        for (int round = 0; round < 2_000; round++)
        {
            var file = new VolatileFile(FreshOverlay());
            byte[] flushed = [.. _original];
            byte[] written = [.. _original];
            var candidates = new Dictionary<int, List<byte[]>>();
            using (var overlay = new OverlayFile(new VolatileFile(_original), file))
            {
                file.Left = random.Next(1, 40);
                try
                {
                    while (true)
                    {
                        Step(overlay, random, written, ref flushed, candidates);
                    }
                }
                catch (IOException)
                {
                    file.Left = 0;
                }
            }

            using var after = new OverlayFile(new VolatileFile(_original), new VolatileFile(file.AfterPowerFailure(random)));
            byte[] found = new byte[_original.Length];
            after.Read(0, found);
            for (int sector = 0; sector < Sectors; sector++)
            {
                ReadOnlySpan<byte> there = Sector(found, sector);
                bool isGood = there.SequenceEqual(Sector(flushed, sector))
                    || (candidates.TryGetValue(sector, out List<byte[]>? newer) && newer.Exists(bytes => bytes.AsSpan().SequenceEqual(found.AsSpan(sector * DiskImage.SectorSize, DiskImage.SectorSize))));
                Assert.True(isGood, $"round {round}, sector {sector}");
            }
        }
    }

    [Fact]
    public void ItIsMadeOnceAndIsSparse()
    {
        DiskImage.OpenOverlay(Base, Overlay).Dispose();
        Assert.Equal(FreshOverlay(), File.ReadAllBytes(Overlay));
        Assert.Equal(2, _folder.GetFiles().Length);
        using (DiskImage disk = DiskImage.OpenOverlay(Base, Overlay))
        {
            disk.Write(7, new byte[DiskImage.SectorSize]);
        }

        using var file = new OverlayFile(RawFile.Open(Base, FileAccess.Read), RawFile.Open(Overlay, FileAccess.ReadWrite));
        Assert.Equal(1, file.HeldClusters);
    }

    [Theory]
    [InlineData(0, 0, "does not begin with x86cow1")]
    [InlineData(9, 1, "it is the overlay of a disk of")]
    [InlineData(100, 1, "its header goes on where it should be empty")]
    [InlineData(4096 + 7, 0xFF, "damaged: it claims cluster 63 of 63")]
    [InlineData(4096 + 4095, 0x80, "damaged: it claims cluster 32767 of 63")]
    public void AWrongOneIsRefusedInOneLine(int at, byte value, string reason)
    {
        byte[] bytes = FreshOverlay();
        bytes[at] = value;
        File.WriteAllBytes(Overlay, bytes);
        OverlayFormatException refused = Assert.Throws<OverlayFormatException>(() => DiskImage.OpenOverlay(Base, Overlay));
        Assert.Contains(reason, refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', refused.Message);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(100)]
    [InlineData(4096)]
    [InlineData(70_000)]
    public void AShortOneIsRefused(int length)
    {
        File.WriteAllBytes(Overlay, FreshOverlay()[..length]);
        Assert.Throws<OverlayFormatException>(() => DiskImage.OpenOverlay(Base, Overlay));
        // Nothing is held open: the user can do something about it.
        File.Delete(Overlay);
        DiskImage.OpenOverlay(Base, Overlay).Dispose();
    }

    /// <summary>Random damage of header and bits: refused or used, never anything else.</summary>
    [Fact]
    public void DamageIsHarmless()
    {
        var random = new Random(4);
        byte[] fresh = FreshOverlay();
        for (int round = 0; round < 2_000; round++)
        {
            byte[] bytes = fresh[..(random.Next(4) == 0 ? random.Next(fresh.Length) : fresh.Length)];
            for (int i = random.Next(4); i >= 0 && bytes.Length > 0; i--)
            {
                bytes[random.Next(2) == 0 ? random.Next(Math.Min(20, bytes.Length)) : random.Next(bytes.Length)] = (byte)random.Next(256);
            }

            try
            {
                using var overlay = new OverlayFile(new VolatileFile(_original), new VolatileFile(bytes));
                overlay.Read(0, new byte[_original.Length]);
            }
            catch (OverlayFormatException)
            {
            }
        }
    }

    [Fact]
    public void OnlyOneRuntimeWritesAnOverlay()
    {
        using DiskImage first = DiskImage.OpenOverlay(Base, Overlay);
        Assert.ThrowsAny<IOException>(() => DiskImage.OpenOverlay(Base, Overlay));
        using DiskImage other = DiskImage.OpenOverlay(Base, Overlay + "2");
        Assert.Equal(first.SectorCount, other.SectorCount);
    }

    [Fact]
    public void UsersNameDisksInThreeWays()
    {
        Assert.Equal(new DiskSpecification("a.img", false, null), DiskSpecification.Parse("a.img"));
        Assert.Equal(new DiskSpecification("a.img", true, null), DiskSpecification.Parse("a.img,readonly"));
        Assert.Equal(new DiskSpecification("a.img", false, "b.cow"), DiskSpecification.Parse("a.img,overlay=b.cow"));
        string odd = Path.Combine(_folder.FullName, "x,readonly");
        File.WriteAllText(odd, "");
        Assert.Equal(new DiskSpecification(odd, false, null), DiskSpecification.Parse(odd));
    }

    public void Dispose() => _folder.Delete(recursive: true);

    private static void Step(OverlayFile overlay, Random random, byte[] written, ref byte[] flushed, Dictionary<int, List<byte[]>> candidates)
    {
        if (random.Next(5) == 0)
        {
            overlay.Synchronize();
            flushed = [.. written];
            candidates.Clear();
            return;
        }

        int sector = random.Next(Sectors), count = 1 + random.Next(Math.Min(24, Sectors - sector));
        byte[] bytes = new byte[count * DiskImage.SectorSize];
        random.NextBytes(bytes);
        for (int i = 0; i < count; i++)
        {
            candidates.TryAdd(sector + i, []);
            candidates[sector + i].Add(Sector(bytes, i).ToArray());
        }

        overlay.Write((long)sector * DiskImage.SectorSize, bytes);
        bytes.CopyTo(written, sector * DiskImage.SectorSize);
    }

    private static ReadOnlySpan<byte> Sector(byte[] bytes, int sector) => bytes.AsSpan(sector * DiskImage.SectorSize, DiskImage.SectorSize);

    private byte[] FreshOverlay()
    {
        OverlayHeader header = OverlayHeader.For(_original.Length);
        var bytes = new byte[header.FileLength];
        header.Write(bytes.AsSpan(0, OverlayHeader.PageSize));
        Assert.Equal(_original.Length, BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(8)));
        return bytes;
    }
}
