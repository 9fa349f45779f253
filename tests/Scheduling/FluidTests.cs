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
    public void BurstsGetWhatTheFluidGives(int processors, bool hasCaps, double quanta)
        => CompareMany(processors, quanta, random => RandomWorkload(random, hasCaps));

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

    private static void CompareMany(int processors, double quanta, Func<Random, Workload> client)
    {
        for (int seed = 0; seed < 150; seed++)
        {
            var random = new Random(seed);
            Workload[] load = [.. Enumerable.Range(0, random.Next(2, 12)).Select(_ => client(random))];
            var host = new SimulatedHost(load, new StrideScheduler(processors, Quantum));
            var fluid = new FluidModel(load, processors);
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
