using Runtime.Scheduling;
using Xunit;

namespace Tests.Scheduling;

/// <summary>The policy against the ideal fluid, under a simulated clock, with many random loads.</summary>
public sealed class FluidTests
{
    private const long Quantum = 3_000_000;
    private const long Millisecond = 1_000_000;
    private const long Duration = 400 * Millisecond;
    private const long Endless = long.MaxValue / 4;

    /// <summary>Whoever always has work gets what the fluid gives. On one processor that is within one quantum at every instant, weights and caps
    /// whatever they are. No scheduler that runs one client per processor keeps to that on several.</summary>
    [Theory]
    [InlineData(1, true, 1.0)]
    [InlineData(2, false, 1.25)]
    [InlineData(2, true, 3)]
    public void HogsGetWhatTheFluidGives(int processors, bool hasCaps, double quanta)
        => CompareMany(processors, quanta, random => new Workload(random.Next(1, 500), hasCaps ? Cap(random) : 1, [(0, Endless)]));

    /// <summary>Hogs and clients whose work comes in bursts. Who wakes runs a little ahead of the fluid: that is what makes it prompt.</summary>
    [Theory]
    [InlineData(1, false, 2)]
    [InlineData(1, true, 2.5)]
    [InlineData(2, false, 3)]
    [InlineData(2, true, 4)]
    public void BurstsGetWhatTheFluidGives(int processors, bool hasCaps, double quanta)
        => CompareMany(processors, quanta, random => RandomWorkload(random, hasCaps));

    /// <summary>Fair share is the same with all weights equal, whatever they are said to be.</summary>
    [Theory]
    [InlineData(1, 2.5)]
    [InlineData(2, 3)]
    public void FairShareIsTheFluidOfEqualWeights(int processors, double quanta)
        => CompareMany(processors, quanta, random => RandomWorkload(random, hasCaps: true), equalShares: true);

    /// <summary>What a client does for another on its own processor is the other's: with random amounts of it at random times each ends with what the
    /// fluid gives to it, and so does whoever sleeps meanwhile.</summary>
    [Fact]
    public void WhatIsDoneForAnotherIsCreditedBack()
    {
        for (int seed = 0; seed < 150; seed++)
        {
            var random = new Random(seed);
            ShareClient[] clients = [.. Enumerable.Range(0, random.Next(2, 6)).Select(number => new ShareClient("c" + number, random.Next(50, 400)))];
            var scheduler = new StrideScheduler(1, Quantum);
            long[] used = new long[clients.Length];
            foreach (ShareClient client in clients)
            {
                scheduler.Add(client);
                scheduler.Wake(client, 0);
            }

            long now = 0;
            while (now < Duration)
            {
                ShareClient running = scheduler.Pick(now, out long slice)!;
                int other = random.Next(clients.Length);
                long forOther = clients[other] == running ? 0 : (long)(slice * random.NextDouble() / 3);
                now += slice;
                scheduler.Charge(running, slice - forOther, now);
                scheduler.Charge(clients[other], forOther, now);
                used[Array.IndexOf(clients, running)] += slice - forOther;
                used[other] += forOther;
                scheduler.Requeue(running);
            }

            for (int i = 0; i < clients.Length; i++)
            {
                double entitled = (double)now * clients[i].Weight / clients.Sum(client => client.Weight);
                Assert.True(Math.Abs(used[i] - entitled) <= 2 * Quantum, $"seed {seed}: {clients[i]} has {(used[i] - entitled) / Quantum:f2} quanta too many");
            }
        }
    }

    private static double Cap(Random random) => random.Next(4) == 0 ? random.Next(5, 95) / 100.0 : 1;

    private static Workload RandomWorkload(Random random, bool hasCaps)
    {
        if (random.Next(3) == 0)
        {
            return new Workload(random.Next(1, 500), hasCaps ? Cap(random) : 1, [(random.Next(100) * Millisecond, Endless)]);
        }

        var arrivals = new List<(long, long)>();
        long at = 0;
        int burst = random.Next(1, 20), pause = random.Next(1, 40);
        while (at < Duration)
        {
            at += (long)(random.NextDouble() * pause * Millisecond) + 1;
            arrivals.Add((at, (long)(random.NextDouble() * burst * Millisecond) + 1));
        }

        return new Workload(random.Next(1, 500), hasCaps ? Cap(random) : 1, arrivals);
    }

    private static void CompareMany(int processors, double quanta, Func<Random, Workload> client, bool equalShares = false)
    {
        for (int seed = 0; seed < 150; seed++)
        {
            var random = new Random(seed);
            Workload[] load = [.. Enumerable.Range(0, random.Next(2, 12)).Select(_ => client(random))];
            var host = new SimulatedHost(load, new StrideScheduler(processors, Quantum, equalShares));
            var fluid = new FluidModel(equalShares ? [.. load.Select(one => one with { Weight = 1 })] : load, processors);
            while (host.Step(Duration))
            {
                fluid.Advance(host.Now);
                for (int i = 0; i < load.Length; i++)
                {
                    double error = (host.Served[i] - fluid.Served[i]) / Quantum;
                    Assert.True(Math.Abs(error) <= quanta + 0.01, $"seed {seed}: client {i} of {load.Length} is {error:f2} quanta off at {host.Now}");
                }
            }

            Assert.Equal(0, host.IdleWhileReady);
        }
    }
}
