using Runtime.Scheduling;
using Xunit;

namespace Tests.Scheduling;

/// <summary>What the issue of fairness is about, one property a test, with loads that a reader can follow.</summary>
public sealed class StrideSchedulerTests
{
    private const long Quantum = 3_000_000;
    private const long Millisecond = 1_000_000;
    private const long Second = 1_000_000_000;
    private const long Endless = long.MaxValue / 4;

    [Fact]
    public void WeightsDivideOneProcessor()
    {
        SimulatedHost host = Run(1, Second, Hog(100), Hog(200), Hog(400));
        AssertShare(host, 1, 7, 0);
        AssertShare(host, 2, 7, 1);
        AssertShare(host, 4, 7, 2);
    }

    [Fact]
    public void FairShareIgnoresWeights()
    {
        SimulatedHost host = Run(1, Second, equalShares: true, Hog(100), Hog(900));
        AssertShare(host, 1, 2, 0);
    }

    /// <summary>On two processors a weight of 4 in 6 cannot be had by one client: it gets one, the others share the second by weight.</summary>
    [Fact]
    public void WeightThatNoClientCanUseIsGivenToTheOthers()
    {
        SimulatedHost host = Run(2, Second, Hog(800), Hog(300), Hog(100));
        AssertShare(host, 1, 1, 0);
        AssertShare(host, 3, 4, 1);
        AssertShare(host, 1, 4, 2);
    }

    [Fact]
    public void CapHoldsOnAnIdleProcessor()
    {
        SimulatedHost host = Run(1, Second, new Workload(100, 0.25, [(0, Endless)]));
        AssertShare(host, 1, 4, 0);
    }

    [Fact]
    public void WhatACapLeavesGoesToTheOthers()
    {
        SimulatedHost host = Run(1, Second, new Workload(900, 0.25, [(0, Endless)]), Hog(100));
        AssertShare(host, 1, 4, 0);
        AssertShare(host, 3, 4, 1);
    }

    /// <summary>It slept for half a second and has half the processor from then on, no more and no less.</summary>
    [Fact]
    public void WhoSleptNeitherLosesNorGains()
    {
        SimulatedHost host = Run(1, Second, Hog(100), new Workload(100, 1, [(0, 50 * Millisecond), (500 * Millisecond, Endless)]));
        Assert.InRange(host.Served[1], 300 * Millisecond - Quantum, 300 * Millisecond + Quantum);
    }

    /// <summary>One that always sleeps just before its turn is over, for no time to speak of, gets no more than its share.</summary>
    [Fact]
    public void NobodyGainsBySleepingBriefly()
    {
        var scheduler = new StrideScheduler(1, Quantum);
        (ShareClient hog, ShareClient trickster) = (new ShareClient("hog"), new ShareClient("trickster"));
        scheduler.Add(hog);
        scheduler.Add(trickster);
        scheduler.Wake(hog, 0);
        scheduler.Wake(trickster, 0);
        long now = 0, tricked = 0;
        while (now < Second)
        {
            ShareClient running = scheduler.Pick(now, out long slice)!;
            long used = running == trickster ? Math.Max(1, slice * 9 / 10) : Math.Min(slice, 10_000);
            now += used;
            scheduler.Charge(running, used, now);
            if (running == trickster)
            {
                tricked += used;
                scheduler.Block(trickster, now);
                ShareClient? other = scheduler.Pick(now, out _);
                now += 1000;
                scheduler.Charge(other!, 1000, now);
                scheduler.Requeue(other!);
                scheduler.Wake(trickster, now);
            }
            else
            {
                scheduler.Requeue(hog);
            }
        }

        Assert.InRange(tricked, Second * 48 / 100, Second * 51 / 100);
    }

    /// <summary>A client that reads a disk, 200 us of work each 10 ms, is served within half a quantum beside eight hogs of its weight.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void WhoWakesForInputIsServedPromptly(int processors)
    {
        (long, long)[] requests = [.. Enumerable.Range(1, 90).Select(i => (i * 10 * Millisecond, 200_000L))];
        Workload[] hogs = [.. Enumerable.Repeat(Hog(100), 8)];
        SimulatedHost host = Run(processors, Second, [.. hogs, new Workload(100, 1, requests)]);
        Assert.InRange(host.WorstWake[8], 0, Quantum / 2);
        Assert.Equal(90 * 200_000L, host.Served[8]);
        foreach (long served in host.Served.Take(8))
        {
            long part = ((processors * Second) - (18 * Millisecond)) / 8;
            Assert.InRange(served, part - (processors * Quantum), part + (processors * Quantum));
        }
    }

    /// <summary>Time spent on a victim's processor for somebody else is charged to that one: both end even.</summary>
    [Fact]
    public void StolenTimeIsCreditedBack()
    {
        var scheduler = new StrideScheduler(1, Quantum);
        (ShareClient victim, ShareClient culprit) = (new ShareClient("victim"), new ShareClient("culprit"));
        scheduler.Add(victim);
        scheduler.Add(culprit);
        scheduler.Wake(victim, 0);
        scheduler.Wake(culprit, 0);
        long now = 0;
        long[] used = [0, 0];
        while (now < Second)
        {
            ShareClient running = scheduler.Pick(now, out long slice)!;
            now += slice;
            long stolen = running == victim ? slice / 5 : 0;
            scheduler.Charge(running, slice - stolen, now);
            scheduler.Charge(culprit, stolen, now);
            used[running == victim ? 0 : 1] += slice - stolen;
            used[1] += stolen;
            scheduler.Requeue(running);
        }

        Assert.InRange(used[0] - used[1], -2 * Quantum, 2 * Quantum);
    }

    [Fact]
    public void EqualInputsGiveEqualDecisions()
    {
        string Trace()
        {
            var random = new Random(7);
            Workload[] load = [.. Enumerable.Range(0, 6).Select(_ => new Workload(random.Next(1, 9), 1,
                [.. Enumerable.Range(0, 50).Select(i => (i * 7 * Millisecond + random.Next(1000), (long)random.Next(100_000, 5_000_000)))]))];
            var host = new SimulatedHost(load, new StrideScheduler(2, Quantum));
            var trace = new System.Text.StringBuilder();
            while (host.Step(Second))
            {
                trace.Append(host.Now).Append(' ').AppendJoin(',', host.Served).Append('\n');
            }

            return trace.ToString();
        }

        Assert.Equal(Trace(), Trace());
    }

    private static Workload Hog(int weight) => new(weight, 1, [(0, Endless)]);

    private static SimulatedHost Run(int processors, long until, params Workload[] load) => Run(processors, until, equalShares: false, load);

    private static SimulatedHost Run(int processors, long until, bool equalShares, params Workload[] load)
    {
        var host = new SimulatedHost(load, new StrideScheduler(processors, Quantum, equalShares));
        while (host.Step(until))
        {
        }

        return host;
    }

    private static void AssertShare(SimulatedHost host, long part, long of, int client)
        => Assert.InRange(host.Served[client], (host.Now * part / of) - Quantum - 1, (host.Now * part / of) + Quantum + 1);
}
