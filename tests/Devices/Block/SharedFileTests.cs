using Runtime.Abi.Xen;
using Runtime.Devices;
using Xunit;
using static Tests.Devices.Block.BlockFront;

namespace Tests.Devices.Block;

/// <summary>Several guests on one image file, at once.</summary>
public sealed class SharedFileTests
{
    /// <summary>Each has what it wrote itself, and everything else from the file, whatever is merged with whose.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task EachGuestReadsItsOwn(int seed)
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("shared-file-");
        string path = BlockFront.Random(sectors: 4096);
        try
        {
            byte[] before = File.ReadAllBytes(path);
            await Task.WhenAll(Enumerable.Range(0, 3).Select(guest => Task.Run(() =>
            {
                string overlay = Path.Combine(folder.FullName, $"{guest}");
                using var front = new BlockFront(path, file => guest == 0 ? DiskImage.OpenReadOnly(file) : DiskImage.OpenOverlay(file, overlay));
                front.Connect();
                Play(front, new Random(seed * 10 + guest), [.. before], mayWrite: guest != 0);
            })));
            Assert.Equal(before, File.ReadAllBytes(path));
        }
        finally
        {
            File.Delete(path);
            folder.Delete(recursive: true);
        }
    }

    private static void Play(BlockFront front, Random random, byte[] model, bool mayWrite)
    {
        ulong id = 1;
        for (int round = 0; round < 150; round++)
        {
            var reads = new List<(int Page, int Sector)>();
            int page = 0, count = random.Next(1, 33);
            bool writes = mayWrite && random.Next(3) == 0;
            // Neighbours in one guest and across guests: a small part of the disk. Writes of a round do not touch one another.
            int[] places = [.. Enumerable.Range(0, 64).OrderBy(_ => random.Next()).Take(count)];
            foreach (int place in places)
            {
                int sector = place * 32, pages = random.Next(1, 5);
                front.Put(Request(id++, writes ? BlockOperation.Write : BlockOperation.Read, (ulong)sector, [.. Enumerable.Range(page, pages).Select(index => Segment(index))]));
                for (int p = 0; p < pages; p++, page++, sector += 8)
                {
                    if (writes)
                    {
                        random.NextBytes(front.Page(page));
                        front.Page(page).CopyTo(model.AsSpan(sector * 512));
                    }
                    else
                    {
                        reads.Add((page, sector));
                    }
                }
            }

            front.Push();
            Assert.All(front.Wait(count), response => Assert.Equal(BlockStatus.Okay, response.Status));
            foreach ((int at, int sector) in reads)
            {
                Assert.Equal(model.AsSpan(sector * 512, 4096), front.Page(at));
            }
        }
    }
}
