using Runtime.Accounts;
using Xunit;

namespace Tests.Accounts;

public sealed class CpuAccountTests
{
    [Fact]
    public void EachStretchOfTimeIsOneKind()
    {
        var account = new CpuAccount(now: 0);
        account.Wait(10);
        account.Grant(30);
        Assert.Equal((80L, 0L), account.Charge(new CpuReading(50, 20, 10), now: 130));
        account.Block(130);
        Assert.Equal(new CpuTimes(50, 20, 10, Stolen: 20, Waiting: 20, Blocked: 10 + 70), account.At(200));
        Assert.Equal(1, account.Turns);
    }

    [Fact]
    public void NoTimeIsAnEndedGuests()
    {
        var account = new CpuAccount(0);
        account.End(30);
        Assert.Equal(new CpuTimes(0, 0, 0, 0, 0, 30), account.At(100));
    }

    /// <summary>A back end works beside the guest: that is the guest's to pay, but takes nothing from its turn.</summary>
    [Fact]
    public void BackEndsAreChargedAndStealNothing()
    {
        var account = new CpuAccount(now: 0);
        account.Grant(0);
        Assert.Equal((120L, 0L), account.Charge(new CpuReading(50, 20, 10, Backend: 40), now: 100));
        Assert.Equal(new CpuTimes(50, 20, 50, Stolen: 20, 0, 0), account.At(100));
    }

    /// <summary>A report may be made between the moment that a change happens and the moment that it is written down.</summary>
    [Fact]
    public void WhatWasReportedIsNotTakenBack()
    {
        var account = new CpuAccount(now: 0);
        account.Wait(10);
        long waiting = account.At(50).Waiting;
        account.Grant(40);
        Assert.Equal(waiting, account.At(60).Waiting);
    }

    /// <summary>Leaving for another guest's sake is that one's to pay, and stolen from this one.</summary>
    [Fact]
    public void TimeForAnotherIsHandedOver()
    {
        var account = new CpuAccount(now: 0);
        account.Grant(0);
        Assert.Equal((93L, 7L), account.Charge(new CpuReading(60, 40, 0), now: 100, forOther: 7));
        Assert.Equal(new CpuTimes(60, 33, 0, 7, 0, 0), account.At(100));
    }

    [Fact]
    public void NoMoreIsHandedOverThanTheMonitorUsed()
    {
        var account = new CpuAccount(now: 0);
        account.Grant(0);
        Assert.Equal((60L, 40L), account.Charge(new CpuReading(60, 40, 0), now: 100, forOther: 70));
    }
}
