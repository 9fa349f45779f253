using Runtime.Abi.Xen;
using Runtime.Devices.Block;
using Xunit;

namespace Tests.Devices.Block;

public sealed class BlockScheduleTests
{
    /// <summary>Whatever the jobs: all are done once, none before a barrier that was asked for earlier or behind one asked for later, what
    /// overlaps keeps its order, and each run is one contiguous transfer.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void OrderIsKeptWhereItMatters(int seed)
    {
        var random = new Random(seed);
        var schedule = new BlockSchedule();
        for (int round = 0; round < 2_000; round++)
        {
            List<BlockJob> jobs = [.. Enumerable.Range(0, random.Next(1, 33)).Select(number => Job((ulong)number, random))];
            BlockJob[] asked = [.. jobs];
            var done = new List<BlockJob>();
            schedule.Run(jobs, runs =>
            {
                foreach (BlockRun run in runs)
                {
                    for (int i = 1; i < run.Jobs.Count; i++)
                    {
                        Assert.Equal(run.Jobs[i - 1].Action, run.Jobs[i].Action);
                        Assert.Equal(run.Jobs[i - 1].End, run.Jobs[i].Sector);
                    }
                }

                Assert.True((runs.Count == 1 && runs[0].Jobs.Count == 1) || runs.All(run => run.First.Action is BlockOperation.Read or BlockOperation.Write));
                // What is given together may be done in any order.
                done.AddRange(runs.OrderBy(_ => random.Next()).SelectMany(run => run.Jobs));
            });
            Assert.Equal(asked.Length, done.Distinct().Count());
            for (int first = 0; first < asked.Length; first++)
            {
                for (int second = first + 1; second < asked.Length; second++)
                {
                    bool isFixed = IsBarrier(asked[first]) || IsBarrier(asked[second]) || (Overlap(asked[first], asked[second]) && (Writes(asked[first]) || Writes(asked[second])));
                    Assert.True(!isFixed || done.IndexOf(asked[first]) < done.IndexOf(asked[second]));
                }
            }
        }
    }

    [Fact]
    public void NeighboursBecomeOneTransfer()
    {
        List<BlockJob> jobs = [.. new[] { 16, 0, 8, 40, 24 }.Select(sector => Job(1, BlockOperation.Read, sector, 8))];
        var runs = new List<int>();
        new BlockSchedule().Run(jobs, all => runs.AddRange(all.Select(run => run.Jobs.Count)));
        Assert.Equal([4, 1], runs);
    }

    private static BlockJob Job(ulong id, Random random)
    {
        BlockOperation[] kinds = [BlockOperation.Read, BlockOperation.Read, BlockOperation.Write, BlockOperation.Write, BlockOperation.FlushDiskCache, BlockOperation.WriteBarrier, BlockOperation.Discard];
        return Job(id, kinds[random.Next(6) == 0 ? random.Next(kinds.Length) : random.Next(4)], random.Next(200) * 4, random.Next(1, 16));
    }

    private static BlockJob Job(ulong id, BlockOperation operation, int sector, int count)
    {
        var job = new BlockJob();
        job.Reset(id, operation);
        (job.Sector, job.SectorCount) = (sector, count);
        return job;
    }

    private static bool IsBarrier(BlockJob job) => job.Action is not (BlockOperation.Read or BlockOperation.Write);

    private static bool Writes(BlockJob job) => job.Action == BlockOperation.Write;

    private static bool Overlap(BlockJob a, BlockJob b) => a.Sector < b.End && b.Sector < a.End;
}
