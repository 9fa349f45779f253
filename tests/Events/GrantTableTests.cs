using Runtime.Abi.Xen;
using Runtime.Events;
using Xunit;

namespace Tests.Events;

public sealed class GrantTableTests
{
    [Fact]
    public void PagesAreMarkedWhileInUse()
    {
        using var guest = new XenGuest();
        guest.Grant(9, 20);
        Assert.Equal(GrantStatus.Okay, guest.Grants.TryPin(9, write: true, out uint frame));
        Assert.Equal(GrantStatus.Okay, guest.Grants.TryPin(9, write: false, out _));
        Assert.Equal(20u, frame);
        Assert.Equal(GrantFlags.PermitAccess | GrantFlags.Reading | GrantFlags.Writing, guest.FlagsOf(9));
        guest.Grants.Unpin(9, write: true);
        Assert.Equal(GrantFlags.PermitAccess | GrantFlags.Reading, guest.FlagsOf(9));
        guest.Grants.Unpin(9, write: false);
        Assert.Equal(GrantFlags.PermitAccess, guest.FlagsOf(9));
        Assert.Equal(0, guest.Grants.PinCount);
    }

    [Fact]
    public void APageMayBeInUseVeryOften()
    {
        const int often = 512 * 256;
        using var guest = new XenGuest();
        guest.Grant(9, 20);
        for (int i = 0; i < often; i++)
        {
            Assert.Equal(GrantStatus.Okay, guest.Grants.TryPin(9, write: true, out _));
        }

        for (int i = often; i > 0; i--)
        {
            Assert.Equal(GrantFlags.PermitAccess | GrantFlags.Reading | GrantFlags.Writing, guest.FlagsOf(9));
            guest.Grants.Unpin(9, write: true);
        }

        Assert.Equal(GrantFlags.PermitAccess, guest.FlagsOf(9));
    }

    /// <summary>A guest that takes its grant away, or makes another of it, while a back end uses the page: the marks go, nothing else is touched.</summary>
    [Fact]
    public void AnEntryMayChangeMeanwhile()
    {
        using var guest = new XenGuest();
        guest.Grant(9, 20);
        Assert.Equal(GrantStatus.Okay, guest.Grants.TryPin(9, write: true, out _));
        guest.Grant(9, 21, GrantFlags.Invalid);
        guest.Grants.Unpin(9, write: true);
        Assert.Equal(GrantFlags.Invalid, guest.FlagsOf(9));
        guest.Grant(9, 21, GrantFlags.PermitAccess | GrantFlags.Reading | GrantFlags.Writing);
        Assert.Equal(GrantStatus.Okay, guest.Grants.TryPin(9, write: false, out uint frame));
        Assert.Equal(21u, frame);
        guest.Grants.Unpin(9, write: false);
        Assert.Equal(0, guest.Grants.PinCount);
    }

    [Theory]
    [InlineData(GrantFlags.Invalid, 0, 20u, false, GrantStatus.BadReference)]
    [InlineData(GrantFlags.AcceptTransfer, 0, 20u, false, GrantStatus.BadReference)]
    [InlineData(GrantFlags.TypeMask, 0, 20u, false, GrantStatus.BadReference)]
    [InlineData(GrantFlags.PermitAccess, 7, 20u, false, GrantStatus.BadReference)]
    [InlineData(GrantFlags.PermitAccess | GrantFlags.ReadOnly, 0, 20u, true, GrantStatus.PermissionDenied)]
    [InlineData(GrantFlags.PermitAccess | GrantFlags.ReadOnly, 0, 20u, false, GrantStatus.Okay)]
    [InlineData(GrantFlags.PermitAccess, 0, 256u, false, GrantStatus.BadPage)]
    [InlineData(GrantFlags.PermitAccess, 0, uint.MaxValue, true, GrantStatus.BadPage)]
    public void EntriesAreValidated(GrantFlags flags, ushort domain, uint frame, bool write, GrantStatus expected)
    {
        using var guest = new XenGuest();
        guest.Grant(9, frame, flags, domain);
        Assert.Equal(expected, guest.Grants.TryPin(9, write, out _));
        Assert.Equal(expected == GrantStatus.Okay ? 1 : 0, guest.Grants.PinCount);
    }

    [Theory]
    [InlineData(512u)]
    [InlineData(uint.MaxValue)]
    public void ReferencesBeyondTheTableAreRefused(uint reference)
    {
        using var guest = new XenGuest();
        Assert.Equal(GrantStatus.BadReference, guest.Grants.TryPin(reference, write: false, out _));
    }

    [Fact]
    public void PagesThatTheBalloonHasTakenAreNotTheGuests()
    {
        using var guest = new XenGuest();
        guest.Grant(9, 20);
        guest.Memory.FrameBytes(20).Fill(0x5A);
        Assert.True(guest.Reservation.TryGiveBack(20));
        Assert.False(guest.Reservation.TryGiveBack(20));
        Assert.Equal(GrantStatus.BadPage, guest.Grants.TryPin(9, write: false, out _));
        Assert.True(guest.Reservation.TryPopulate(20));
        Assert.False(guest.Memory.FrameBytes(20).ContainsAnyExcept((byte)0));
        Assert.Equal(GrantStatus.Okay, guest.Grants.TryPin(9, write: false, out _));
    }

    [Fact]
    public void TheTableMovesWithItsContents()
    {
        using var guest = new XenGuest();
        guest.Grant(9, 20);
        guest.Grants.Place(0, 30);
        guest.Grant(9, 21);
        Assert.Equal(GrantStatus.Okay, guest.Grants.TryPin(9, write: false, out uint frame));
        Assert.Equal(20u, frame);
        Assert.False(guest.Grants.TryGrow(GrantTable.MaximumFrames + 1));
    }
}
