using Runtime.Abi.Xen;
using Xunit;

namespace Tests.Events;

public sealed class EventChannelTests
{
    /// <summary>What the guest has looked at by itself before it could take an upcall does not become one.</summary>
    [Fact]
    public void DeferredNotificationsAreOfNewsOnly()
    {
        using var guest = new XenGuest();
        uint port = guest.OpenPort();
        bool isNews = true;
        guest.Events.RaiseUnlessSeen(port, () => isNews);
        Assert.True(guest.Events.HasDeferred);
        Assert.False(guest.Events.IsUpcallPending);
        guest.Events.SettleDeferred();
        Assert.Equal([port], guest.HandleUpcall());
        guest.Events.RaiseUnlessSeen(port, () => isNews);
        isNews = false;
        guest.Events.SettleDeferred();
        Assert.False(guest.Events.IsUpcallPending);
        Assert.False(guest.Events.HasDeferred);
    }

    /// <summary>Random raising, masking, unmasking and handling, against the simplest model there is: per port, whether something was raised that
    /// was not handled. Nothing is handled while masked or without a cause, and nothing that is raised and not masked goes without an upcall.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void AgreesWithTheModel(int seed)
    {
        using var guest = new XenGuest();
        var random = new Random(seed);
        uint[] ports = [.. Enumerable.Range(0, 70).Select(_ => guest.OpenPort())];
        var raised = new HashSet<uint>();
        for (int step = 0; step < 20_000; step++)
        {
            uint port = ports[random.Next(ports.Length)];
            switch (random.Next(5))
            {
                case 0 or 1:
                    guest.Events.Raise(port);
                    raised.Add(port);
                    break;
                case 2:
                    guest.Mask(port);
                    break;
                case 3:
                    guest.Events.Unmask(port);
                    break;
                default:
                    if (guest.Events.IsUpcallPending)
                    {
                        foreach (uint handled in guest.HandleUpcall())
                        {
                            Assert.False(guest.IsMasked(handled));
                            Assert.True(raised.Remove(handled), $"port {handled} was handled without a cause");
                        }
                    }

                    break;
            }

            Assert.True(guest.Events.IsUpcallPending || raised.All(guest.IsMasked), "an event waits and no upcall is due");
        }
    }

    [Fact]
    public void NothingIsLostBetweenThreads()
    {
        const int raisers = 3, portsEach = 5, rounds = 20_000;
        using var guest = new XenGuest();
        uint[] ports = [.. Enumerable.Range(0, raisers * portsEach).Select(_ => guest.OpenPort())];
        var written = new int[SharedInfoLayout.PortCount];
        var seen = new int[SharedInfoLayout.PortCount];
        Thread[] threads = [.. Enumerable.Range(0, raisers).Select(number => new Thread(() =>
        {
            for (int i = 0; i < rounds; i++)
            {
                uint port = ports[number * portsEach + i % portsEach];
                Interlocked.Increment(ref written[port]);
                guest.Events.Raise(port);
            }
        }))];
        Array.ForEach(threads, thread => thread.Start());
        var random = new Random(7);
        while (Array.Exists(threads, thread => thread.IsAlive) || guest.Events.IsUpcallPending)
        {
            if (guest.Events.IsUpcallPending)
            {
                foreach (uint port in guest.HandleUpcall())
                {
                    seen[port] = Volatile.Read(ref written[port]);
                }
            }

            uint some = ports[random.Next(ports.Length)];
            guest.Mask(some);
            guest.Events.Unmask(some);
        }

        Assert.Equal(written, seen);
    }

    [Fact]
    public void TheGuestCanShutUpcallsOff()
    {
        using var guest = new XenGuest();
        uint port = guest.OpenPort();
        guest.Shared.VcpuByte(SharedInfoLayout.UpcallMask) = 1;
        guest.Events.Raise(port);
        Assert.False(guest.Events.IsUpcallPending);
        guest.Shared.VcpuByte(SharedInfoLayout.UpcallMask) = 0;
        Assert.True(guest.Events.IsUpcallPending);
    }

    [Fact]
    public void WhatIsPendingAlreadyWakesNobody()
    {
        using var guest = new XenGuest();
        uint port = guest.OpenPort();
        guest.Events.Raise(port);
        guest.Events.Raise(port);
        guest.Events.Raise(guest.OpenPort());
        Assert.Equal(1, guest.Wakes);
    }

    [Fact]
    public void MovingVcpuInfoLosesNothing()
    {
        using var guest = new XenGuest();
        uint port = guest.OpenPort();
        guest.Events.Raise(port);
        guest.Events.Quietly(shared => shared.MoveVcpuInfo(XenGuest.FirstFreeFrame, 128));
        guest.Events.Quietly(shared => shared.MoveTo(XenGuest.FirstFreeFrame + 1));
        Assert.True(guest.Events.IsUpcallPending);
        Assert.Equal([port], guest.HandleUpcall());
        Assert.Equal(XenGuest.FirstFreeFrame + 1, guest.Shared.Frame);
    }

    [Fact]
    public void OwnPortsAreConnectedInPairs()
    {
        using var guest = new XenGuest();
        Assert.Equal(XenError.None, guest.Events.AllocateUnbound(DomainId.Self, out uint listener));
        Assert.Equal(XenError.None, guest.Events.Send(listener));
        Assert.Equal(XenError.None, guest.Events.BindInterdomain(DomainId.Self, listener, out uint caller));
        Assert.Equal([caller], guest.HandleUpcall());
        guest.Events.Send(caller);
        Assert.Equal([listener], guest.HandleUpcall());
        Assert.Equal(XenError.None, guest.Events.Close(caller));
        var query = new PortStatusArguments { Port = listener };
        Assert.Equal(XenError.None, guest.Events.Query(ref query));
        Assert.Equal(PortStatus.Unbound, query.Status);
        Assert.Equal(XenError.Invalid, guest.Events.BindInterdomain(DomainId.Self, caller, out _));
    }

    [Fact]
    public void ErrorsAreThoseOfXen()
    {
        using var guest = new XenGuest();
        Assert.Equal(XenError.Invalid, guest.Events.Close(5));
        Assert.Equal(XenError.Invalid, guest.Events.Send(0));
        Assert.Equal(XenError.Invalid, guest.Events.Unmask(SharedInfoLayout.PortCount));
        Assert.Equal(XenError.Invalid, guest.Events.BindVirq(Virq.Count, 0, out _));
        Assert.Equal(XenError.NoEntry, guest.Events.BindVirq(Virq.Timer, 1, out _));
        Assert.Equal(XenError.None, guest.Events.BindVirq(Virq.Timer, 0, out uint timer));
        Assert.Equal(XenError.Exists, guest.Events.BindVirq(Virq.Timer, 0, out _));
        Assert.Equal(XenError.NoEntry, guest.Events.BindIpi(3, out _));
        Assert.Equal(XenError.Invalid, guest.Events.BindVcpu(timer, 0));
        Assert.Equal(XenError.NoDomain, guest.Events.BindInterdomain(9, 1, out _));
        Assert.Equal(XenError.Invalid, guest.Events.ConnectBackend(timer, () => { }));
        for (int left = SharedInfoLayout.PortCount - 2; left > 0; left--)
        {
            Assert.Equal(XenError.None, guest.Events.AllocateUnbound(0, out _));
        }

        Assert.Equal(XenError.NoSpace, guest.Events.AllocateUnbound(0, out _));
    }
}
