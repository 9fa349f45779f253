using Runtime.Accounts;
using Xunit;

namespace Tests.Hosting;

/// <summary>Real guests on a real processor. Shares are parts of the processor time that was used, so that a busy machine changes nothing.</summary>
[Collection(HostingCollection.Name)]
public sealed class ShareTests
{
    private static readonly TimeSpan Enough = TimeSpan.FromSeconds(1.5);

    /// <summary>By then a guest that first checks or starts something is doing what it is here for.</summary>
    private static readonly TimeSpan Settled = TimeSpan.FromSeconds(0.6);

    [Fact]
    public void WeightsDivideTheProcessor()
    {
        using var host = new RunningHost(("a", "hog", "weight: 100"), ("b", "hog", "weight: 200"), ("c", "hog", "weight: 400"));
        IReadOnlyDictionary<string, CpuTimes> use = host.Use(Enough);
        AssertShare(use, "a", 1 / 7.0);
        AssertShare(use, "b", 2 / 7.0);
        AssertShare(use, "c", 4 / 7.0);
    }

    [Fact]
    public void FairShareIgnoresWeights()
    {
        using var host = new RunningHost("host: { cpus: 1, scheduler: fair }", ("a", "hog", "weight: 100"), ("b", "hog", "weight: 900"));
        AssertShare(host.Use(Enough), "a", 0.5);
    }

    [Fact]
    public void CapHolds()
    {
        using var host = new RunningHost(("a", "hog", "cap: 20%"), ("b", "hog", ""));
        AssertShare(host.Use(Enough), "a", 0.2);
    }

    /// <summary>A neighbour that is hard on everybody, in each way that there is, does not move a well-behaved guest's half by more than 2 %.</summary>
    [Theory]
    [InlineData("storm")]
    [InlineData("ports")]
    [InlineData("console")]
    [InlineData("thrash")]
    [InlineData("spaces")]
    [InlineData("ukernel:bomb")]
    [InlineData("xenabi:flood-events")]
    [InlineData("xenabi:flood-store")]
    [InlineData("xenabi:flood-console")]
    [InlineData("xenabi:flood-disk")]
    public void UnrulyNeighbourDoesNotMoveAShare(string mode)
    {
        string disk = Path.GetTempFileName();
        using (FileStream file = File.OpenWrite(disk))
        {
            file.SetLength(1 << 20);
        }

        using var host = new RunningHost(("good", "hog", ""), ("bad", mode, "disks: " + disk));
        host.Wait(_ => host["bad"].Cpu.Used > Settled.TotalNanoseconds);
        IReadOnlyDictionary<string, CpuTimes> use = host.Use(Enough);
        File.Delete(disk);
        Assert.Equal("still there", host["bad"].Outcome ?? "still there");
        double share = Share(use, "good");
        Assert.True(share >= 0.48, $"{mode}: the well-behaved guest has {share:p1}; {use["good"]} {use["bad"]}");
    }

    [Fact]
    public void DeadNeighbourLeavesItsShareToTheOthers()
    {
        using var host = new RunningHost(("good", "hog", ""), ("bad", "nothing-that-it-knows", ""));
        host.Wait(report => report.Guests.Any(guest => guest.State == "ended"));
        Assert.True(Share(host.Use(Enough), "good") > 0.99);
        Assert.Equal(0x23, host["bad"].ExitStatus);
        Assert.Equal((0, 0), (host["bad"].Memory.Pages, host["bad"].Memory.ShadowPages));
    }

    private static double Share(IReadOnlyDictionary<string, CpuTimes> use, string name) => (double)use[name].Used / use.Values.Sum(guest => guest.Used);

    private static void AssertShare(IReadOnlyDictionary<string, CpuTimes> use, string name, double expected)
        => Assert.InRange(Share(use, name), expected - 0.02, expected + 0.02);
}
