using System.Runtime.InteropServices;
using Runtime.Events;
using Xunit;

namespace Tests.Events;

public sealed class BackRingTests
{
    private const uint Frame = 10;

    /// <summary>Pages in no order.</summary>
    private static readonly uint[] s_frames = [10, 77, 12, 11, 40, 9, 100, 60];
    private const int SlotLength = 108;

    /// <summary>Random interleavings of a front end and a back end that both sleep until they are notified. Whatever the order: each request is
    /// taken once and unchanged, each response comes once, and neither sleeps while the other waits for it.</summary>
    [Theory]
    [InlineData(1, 0u, 1)]
    [InlineData(2, 0u, 1)]
    [InlineData(3, 0xFFFF_FFE0u, 1)]
    [InlineData(4, 0xFFFF_FFFFu, 1)]
    [InlineData(5, 0x7FFF_FFF0u, 1)]
    [InlineData(6, 0u, 2)]
    [InlineData(7, 0xFFFF_FFE0u, 4)]
    [InlineData(8, 0xFFFF_FFFFu, 8)]
    public void AnyInterleavingDeliversEverythingOnce(int seed, uint start, int pages)
    {
        using var guest = new XenGuest();
        var random = new Random(seed);
        var front = new FrontRing(guest.Memory, s_frames[..pages], SlotLength, start);
        var back = new BackRing(guest.Memory, s_frames[..pages], SlotLength);
        back.Resume();
        var open = new HashSet<uint>();
        var taken = new List<uint>();
        uint next = 1, answered = 0;
        bool backAwake = true, frontAwake = true;
        Span<byte> slot = stackalloc byte[SlotLength];
        for (int step = 0; step < 50_000; step++)
        {
            switch (random.Next(6))
            {
                case 0 or 1 when frontAwake && !front.IsFull:
                    MemoryMarshal.Write(slot, next);
                    slot[4..].Fill((byte)next);
                    front.Put(slot);
                    open.Add(next++);
                    backAwake |= random.Next(3) == 0 && front.Push();
                    break;
                case 2 when frontAwake:
                    backAwake |= front.Push();
                    while (front.TryTake(slot))
                    {
                        uint id = MemoryMarshal.Read<uint>(slot);
                        Assert.True(open.Remove(id), $"response {id} without a request");
                        answered++;
                    }

                    // Linux's front ends sleep only after they have looked again.
                    frontAwake = front.FinalCheck() || !front.IsFull;
                    break;
                case 3 or 4 when backAwake:
                    RingState state = back.TryTake(slot);
                    Assert.NotEqual(RingState.Overrun, state);
                    if (state == RingState.Taken)
                    {
                        uint id = MemoryMarshal.Read<uint>(slot);
                        Assert.False(slot[4..].ContainsAnyExcept((byte)id));
                        taken.Add(id);
                    }
                    else if (taken.Count == 0)
                    {
                        backAwake = back.FinalCheck();
                    }

                    break;
                case 5 when taken.Count > 0:
                    for (int count = random.Next(taken.Count) + 1; count > 0; count--)
                    {
                        int at = random.Next(taken.Count);
                        MemoryMarshal.Write(slot, taken[at]);
                        back.Put(slot[..12]);
                        taken.RemoveAt(at);
                    }

                    frontAwake |= back.Publish();
                    break;
            }

            Assert.True(frontAwake || backAwake || taken.Count > 0, $"both sleep at step {step}");
        }

        Assert.True(answered > 5_000, $"only {answered} requests came through");
    }

    [Theory]
    [InlineData(1, 32)]
    [InlineData(2, 64)]
    [InlineData(4, 128)]
    [InlineData(8, 256)]
    public void AFullRingIsNoOverrun(int pages, int slots)
    {
        using var guest = new XenGuest();
        var front = new FrontRing(guest.Memory, s_frames[..pages], SlotLength);
        var back = new BackRing(guest.Memory, s_frames[..pages], SlotLength);
        while (!front.IsFull)
        {
            front.Put(new byte[SlotLength]);
        }

        Assert.True(front.Push());
        for (int i = 0; i < slots; i++)
        {
            Assert.Equal(RingState.Taken, back.TryTake(new byte[SlotLength]));
        }

        Assert.Equal(RingState.Empty, back.TryTake(new byte[SlotLength]));
        Assert.Equal((uint)slots, back.InFlight);
    }

    [Theory]
    [InlineData(33u, 0, 1)]
    [InlineData(0x8000_0000u, 0, 1)]
    [InlineData(uint.MaxValue, 0, 1)]
    [InlineData(32u, 1, 1)]
    [InlineData(129u, 0, 4)]
    [InlineData(128u, 1, 4)]
    [InlineData(uint.MaxValue, 0, 4)]
    public void ALyingProducerIsFoundOut(uint ahead, int takenBefore, int pages)
    {
        using var guest = new XenGuest();
        var front = new FrontRing(guest.Memory, s_frames[..pages], SlotLength);
        var back = new BackRing(guest.Memory, s_frames[..pages], SlotLength);
        for (int i = 0; i < takenBefore; i++)
        {
            front.Put(new byte[SlotLength]);
            front.Push();
            Assert.Equal(RingState.Taken, back.TryTake(new byte[SlotLength]));
        }

        front.LieAboutProducer(ahead);
        Assert.Equal(RingState.Overrun, back.TryTake(new byte[SlotLength]));
    }

    [Fact]
    public void NotificationsAreSuppressedWhileTheBackEndWorks()
    {
        using var guest = new XenGuest();
        var front = new FrontRing(guest.Memory, [Frame], SlotLength);
        var back = new BackRing(guest.Memory, [Frame], SlotLength);
        int notifications = 0;
        for (int i = 0; i < 1000; i++)
        {
            front.Put(new byte[SlotLength]);
            notifications += front.Push() ? 1 : 0;
            back.TryTake(new byte[SlotLength]);
            back.Put(new byte[12]);
            back.Publish();
            front.TryTake(new byte[12]);
        }

        Assert.Equal(1, notifications);
    }
}
