using Runtime.Time;
using Xunit;

namespace Tests.Devices;

public sealed class AlarmTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    [Fact]
    public void RingsOnceItsTimeHasCome()
    {
        var clock = new HostClock();
        using var rung = new SemaphoreSlim(0);
        long rungAt = 0;
        using var alarm = new Alarm(clock, () =>
        {
            rungAt = clock.Now;
            rung.Release();
        });
        long deadline = clock.Now + 2_000_000;
        alarm.Arm(deadline);
        Assert.True(rung.Wait(Patience));
        Assert.True(rungAt >= deadline);
        Assert.False(rung.Wait(20));
    }

    [Fact]
    public void EarlierDeadlineReplacesALaterOne()
    {
        var clock = new HostClock();
        using var rung = new SemaphoreSlim(0);
        using var alarm = new Alarm(clock, () => rung.Release());
        alarm.Arm(clock.Now + 3_600_000_000_000);
        Thread.Sleep(5);
        alarm.Arm(clock.Now + 1_000_000);
        Assert.True(rung.Wait(Patience));
    }

    [Fact]
    public void DisarmedAlarmIsSilent()
    {
        var clock = new HostClock();
        using var rung = new SemaphoreSlim(0);
        using var alarm = new Alarm(clock, () => rung.Release());
        // Long enough that a host which stalls between the two lines does not ring it.
        alarm.Arm(clock.Now + 1_000_000_000);
        alarm.Arm(DeadlineQueue.Never);
        Assert.False(rung.Wait(1_200));
    }

    [Fact]
    public void SignalSetBeforehandEndsTheWait()
    {
        foreach (IWakeSignal signal in new[] { WakeSignal.Create(), new MonitorSignal() })
        {
            signal.Set();
            signal.Set();
            signal.Wait(DeadlineQueue.Never);
            signal.Wait(1_000_000);
            signal.Dispose();
        }
    }
}
