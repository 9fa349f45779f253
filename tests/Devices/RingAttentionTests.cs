using Runtime.Abi.Xen;
using Runtime.Devices.Ethernet;
using Tests.Network;
using Xunit;

namespace Tests.Devices;

/// <summary>A back end that looks at its ring by itself: whom it spares notifications, and that nothing is left behind by it.</summary>
public sealed class RingAttentionTests
{
    /// <summary>Guests that send a frame each so many nanoseconds: one that sends much is stopped once for many frames, one that sends little as
    /// if nobody looked.</summary>
    [Theory]
    [InlineData(1_000, 0.05)]
    [InlineData(5_000, 0.2)]
    [InlineData(40_000, 1.1)]
    [InlineData(1_000_000, 1.1)]
    public void StopsOfAGuestThatSendsOnAndOn(long distance, double mostPerFrame)
    {
        const int frames = 10_000;
        var attention = new RingAttention();
        int stops = 0, waiting = 0;
        for (int sent = 0; sent < frames; sent++)
        {
            long now = sent * distance;
            while (attention.Until <= now)
            {
                stops++;
                attention.Continues(attention.Until, waiting, mayContinue: true);
                waiting = 0;
            }

            waiting++;
            if (!attention.IsOn)
            {
                stops++;
                attention.Continues(now, waiting, mayContinue: true);
                waiting = 0;
            }
        }

        Assert.True(stops <= frames * mostPerFrame, $"{stops} stops for {frames} frames");
    }

    /// <summary>One that waits for an answer to each burst: it would be stopped as often without.</summary>
    [Fact]
    public void AGuestThatSoonWaitsIsLeftAlone()
    {
        var attention = new RingAttention();
        int attempts = 0;
        for (int round = 0; round < 1_000; round++)
        {
            attempts += attention.Continues(round * 15_000, found: 8, mayContinue: true) ? 1 : 0;
            Assert.False(attention.Continues((round * 15_000) + 10_000, found: 0, mayContinue: false));
        }

        Assert.InRange(attempts, 1, 20);
    }

    [Fact]
    public void AGuestThatWaitsIsAskedToNotify()
    {
        var attention = new RingAttention();
        for (int i = 0; i < 1000; i++)
        {
            Assert.False(attention.Continues(i * 1000, found: 1, mayContinue: false));
            Assert.Equal(Runtime.Time.DeadlineQueue.Never, attention.Until);
        }
    }

    [Fact]
    public void FramesOfABusyGuestGoTogetherAndAreToldTogether()
    {
        using var front = new NetFront(forwardsAtOnce: true);
        front.Other.ReleasesAtOnce = true;
        front.Connect();
        front.Send(0);
        Assert.Equal(RingAttention.Period, front.Timed.NextDeadline);
        for (int i = 1; i < 10; i++)
        {
            Assert.False(front.Put(i)); // not asked to notify
        }

        Assert.Equal(0, front.Timed.NextDeadline); // whatever stops the guest has them taken
        front.Guest.HandleUpcall();
        front.Timed.Advance(front.Clock.Now);
        Assert.Equal(10, front.Answers().Count);
        Assert.False(front.Transmit.FinalCheck());
        front.Put(10);
        front.Timed.Advance(front.Clock.Now);
        Assert.False(front.Guest.Events.IsUpcallPending); // it runs, and is told when the period is over
        front.Clock.Now += RingAttention.Period;
        front.Timed.Advance(front.Clock.Now);
        Assert.True(front.Guest.Events.IsUpcallPending);
    }

    /// <summary>Whatever the front end does and whenever it is looked at: once the guest waits, all that it has pushed is sent, and of all that it has
    /// not seen it is told.</summary>
    [Theory]
    [InlineData(1, true)]
    [InlineData(2, true)]
    [InlineData(3, false)]
    [InlineData(4, false)]
    public void NothingIsLeftWhenTheGuestWaits(int seed, bool forwardsAtOnce)
    {
        using var front = new NetFront(forwardsAtOnce);
        front.Connect();
        var random = new Random(seed);
        var free = new Queue<ushort>(Enumerable.Range(0, 100).Select(i => (ushort)i));
        int sent = 0, arrived = 0, answered = 0;
        for (int round = 0; round < 2_000; round++)
        {
            for (int burst = random.Next(30); burst > 0 && free.Count > 0; burst--)
            {
                sent++;
                front.Send(free.Dequeue());

                front.Clock.Now += random.Next(20_000);
                if (front.Timed.NextDeadline <= front.Clock.Now)
                {
                    front.Timed.Advance(front.Clock.Now);
                }
            }

            front.IsIdle = true;
            front.Sleep();
            for (; front.Other.TryDiscard(); arrived++)
            {
            }

            front.Sleep();
            Assert.Equal(sent, arrived);
            int unseen = sent - answered;
            Assert.True(unseen == 0 || front.Guest.Events.IsUpcallPending, $"round {round}: {unseen} answers that nobody told of");
            front.IsIdle = false;
            front.Guest.HandleUpcall();
            do
            {
                foreach (NetTransmitResponse answer in front.Answers())
                {
                    free.Enqueue(answer.Id);
                    answered++;
                }
            }
            while (front.Transmit.FinalCheck());
            Assert.Equal(sent, answered);
        }

        Assert.Null(front.Death);
        Assert.Equal(2, front.Guest.Grants.PinCount);
    }
}
