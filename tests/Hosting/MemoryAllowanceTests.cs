using Runtime.Hosting;
using Runtime.Memory;
using Xunit;

namespace Tests.Hosting;

public sealed class MemoryAllowanceTests
{
    [Fact]
    public void ItFollowsWhatIsGivenBackAndNotBeyond()
    {
        var allowance = new MemoryAllowance(300);
        allowance.Set(200, owned: 300);
        Assert.Equal((200ul, 300ul), (allowance.Limit, allowance.Bytes));
        allowance.Note(owned: 250);
        Assert.Equal(250ul, allowance.Bytes);
        allowance.Note(owned: 290); // took some again: what was given back is no longer its own
        Assert.Equal(250ul, allowance.Bytes);
        allowance.Note(owned: 120);
        Assert.Equal(200ul, allowance.Bytes);
        allowance.Set(280, owned: 120);
        Assert.Equal(280ul, allowance.Bytes);
    }

    /// <summary>A machine that starts with more RAM than it may hold: the limit holds from the first moment.</summary>
    [Fact]
    public void WhatWasNeverPromisedIsNotGiven()
    {
        var allowance = new MemoryAllowance(200);
        allowance.Note(owned: 300);
        Assert.Equal(200ul, allowance.Bytes);
    }

    [Fact]
    public void NothingComesBackBeyondTheLimit()
    {
        using var memory = new GuestMemory(16 * GuestMemory.FrameSize);
        var reservation = new Reservation(memory);
        for (uint frame = 4; frame < 8; frame++)
        {
            Assert.True(reservation.TryGiveBack(frame));
        }

        reservation.Limit = 13;
        Assert.True(reservation.TryPopulate(4));
        Assert.False(reservation.TryPopulate(5));
        Assert.Equal(13u, reservation.Current);
        reservation.Limit = 14;
        Assert.True(reservation.TryPopulate(5));
    }
}
