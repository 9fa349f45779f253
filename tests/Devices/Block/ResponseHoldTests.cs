using Runtime.Devices.Block;
using Xunit;

namespace Tests.Devices.Block;

/// <summary>Guests that ask in different ways, played in simulated microseconds.</summary>
public sealed class ResponseHoldTests
{
    private const int Slots = 32;

    [Fact]
    public void AGuestThatWaitsIsAnsweredAtOnce()
    {
        var hold = new ResponseHold(Slots);
        for (int round = 0; round < 1_000; round++)
        {
            Assert.False(hold.Holds(State(finished: 1 + round % 7, isIdle: true, held: 0, quiet: 0)));
        }
    }

    /// <summary>A guest that keeps 32 requests under way is interrupted less than once in eight.</summary>
    [Theory]
    [InlineData(32, 2)]
    [InlineData(32, 6)]
    [InlineData(16, 4)]
    public void AGuestWithManyUnderWayIsAnsweredInBatches(int depth, int microsecondsEach)
    {
        var hold = new ResponseHold(Slots);
        Played played = Play(hold, depth, microsecondsEach, waits: true, rounds: 200);
        Assert.True(played.Answers * 8 < played.Requests, $"{played.Answers} answers to {played.Requests} requests");
    }

    /// <summary>One that asks for one thing at a time and computes meanwhile, so that nothing says that it will ask no more.</summary>
    [Fact]
    public void AGuestWithOneUnderWayIsSeldomKeptWaiting()
    {
        var hold = new ResponseHold(Slots);
        Played played = Play(hold, depth: 1, microsecondsEach: 5, waits: false, rounds: 1_000);
        Assert.Equal(played.Requests, played.Answers);
        Assert.True(played.Delay / played.Requests < 15, $"{played.Delay} us for {played.Requests} requests");
    }

    /// <summary>A guest that asks slowly, 16 at a time, and once waits for a single one.</summary>
    [Fact]
    public void OneShortRoundIsNotTheRule()
    {
        var hold = new ResponseHold(Slots);
        Play(hold, depth: 16, microsecondsEach: 15, waits: true, rounds: 400);
        Assert.Equal(16, hold.Target);
        Assert.False(hold.Holds(State(finished: 1, isIdle: true, held: 0, quiet: 0)));
        Played played = Play(hold, depth: 16, microsecondsEach: 15, waits: true, rounds: 20);
        Assert.True(played.Requests >= 16 * 18, $"{played.Requests} requests in 20 rounds");
    }

    /// <summary>But one that goes over to single requests, and computes meanwhile, is soon answered at once.</summary>
    [Fact]
    public void ManyShortRoundsAreTheRule()
    {
        var hold = new ResponseHold(Slots);
        Play(hold, depth: 32, microsecondsEach: 2, waits: true, rounds: 100);
        for (int round = 0; round < 20; round++)
        {
            hold.Holds(State(finished: 1, isIdle: true, held: 0, quiet: 0));
        }

        Assert.Equal(1, hold.Target);
    }

    [Fact]
    public void NoResponseIsHeldForLong()
    {
        var random = new Random(11);
        for (int round = 0; round < 10_000; round++)
        {
            var hold = new ResponseHold(Slots);
            for (int i = 0; i < 20; i++)
            {
                hold.Holds(State(random.Next(1, 40), random.Next(2) == 0, random.Next(400), random.Next(100), random.Next(2) == 0));
            }

            Assert.False(hold.Holds(State(finished: 1, isIdle: false, held: 301, quiet: 0, hasRequests: true)));
            Assert.False(hold.Holds(State(finished: 1, isIdle: false, held: 201, quiet: 201)));
            Assert.False(hold.Holds(State(finished: 0, isIdle: false, held: 0, quiet: 0)));
            Assert.InRange(hold.Target, 1, Slots);
        }
    }

    private sealed record Played(int Requests, int Answers, int Delay);

    /// <summary>A guest that asks every few microseconds until so many are under way, and a disk that takes no time.</summary>
    /// <param name="waits">Whether its processor waits when it has asked for all it wants; otherwise it computes.</param>
    private static Played Play(ResponseHold hold, int depth, int microsecondsEach, bool waits, int rounds)
    {
        int requests = 0, answers = 0, delay = 0, now = 0, askedAt = 0, heldSince = 0, finished = 0, nextAt = 0;
        while (answers < rounds)
        {
            if (finished < depth && now >= nextAt)
            {
                heldSince = finished == 0 ? now : heldSince;
                requests++;
                finished++;
                (askedAt, nextAt) = (now, now + microsecondsEach);
            }

            if (!hold.Holds(State(finished, waits && finished == depth, now - heldSince, now - askedAt)) && finished > 0)
            {
                answers++;
                delay += now - heldSince;
                finished = 0;
                nextAt = now + microsecondsEach;
            }

            now++;
        }

        return new Played(requests, answers, delay);
    }

    private static HoldState State(int finished, bool isIdle, int held, int quiet, bool hasRequests = false)
        => new(finished, hasRequests, isIdle, TimeSpan.FromMicroseconds(held), TimeSpan.FromMicroseconds(quiet));
}
