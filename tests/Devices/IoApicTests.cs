using Runtime.Devices;
using Xunit;

namespace Tests.Devices;

/// <summary>82093AA, and SDM vol. 3, 11.8.5 on how level-triggered interrupts end.</summary>
public sealed class IoApicTests
{
    private const int Index = 0, Data = 0x10, EndOfInterrupt = 0xB0, Spurious = 0xF0;

    private const uint Masked = 1 << 16, Level = 1 << 15, RemoteIrr = 1 << 14, Logical = 1 << 11, NonMaskable = 4 << 8;

    private readonly LocalApic _local;
    private readonly IoApic _io;
    private int _changes;

    public IoApicTests()
    {
        _local = new LocalApic(new FakeClock(), new Silence(), () => { }) { IsInPath = true };
        _io = new IoApic(_local, () => _changes++);
        _local.Io = _io;
        _local.Write(Spurious, 4, 0x1FF);
    }

    [Fact]
    public void RegistersReadAsTheyWereWritten()
    {
        Assert.Equal(0x17_0011u, Register(1));
        Assert.Equal(Masked, Register(0x10 + (2 * 23)));
        Write(0, 0x0F00_0000);
        Assert.Equal(0x0F00_0000u, Register(0));
        Write(0x10, 0xFFFF_FFFF);
        Assert.Equal(0x1_AFFFu, Register(0x10));
        Write(0x11, 0xFFFF_FFFF);
        Assert.Equal(0xFF00_0000u, Register(0x11));
        Assert.Equal(0u, Register(0x40));
    }

    [Fact]
    public void EdgesComeOnceAndAreLostBehindTheMask()
    {
        Route(4, 0x34);
        _io.SetLevel(4, true);
        Assert.Equal(0x34, Take());
        End();
        Assert.False(_local.IsInterruptPending);
        _io.SetLevel(4, false);
        Route(4, 0x34 | Masked);
        _io.SetLevel(4, true);
        Route(4, 0x34);
        Assert.False(_local.IsInterruptPending);
    }

    [Fact]
    public void LevelsComeAgainUntilTheyAreGone()
    {
        _io.SetLevel(10, true);
        Route(10, 0x4A | Level);
        Assert.Equal(1, _changes); // the guest itself has unmasked it
        Assert.Equal(0x4A | Level | RemoteIrr, Register(0x10 + 20));
        Assert.Equal(0x4A, Take());
        End();
        Assert.Equal(0x4A, Take());
        _io.SetLevel(10, false);
        Assert.False(_local.IsInterruptPending);
        End();
        Assert.False(_local.IsInterruptPending);
        Assert.Equal(0x4A | Level, Register(0x10 + 20));
    }

    /// <summary>The end of one level-triggered interrupt is none of another's.</summary>
    [Fact]
    public void TheEndIsToldByVector()
    {
        Route(10, 0x4A | Level);
        Route(11, 0x5B | Level);
        _io.SetLevel(10, true);
        _io.SetLevel(11, true);
        Assert.Equal(0x5B, Take());
        _io.SetLevel(11, false);
        End();
        Assert.Equal(0x4A, Take());
        Assert.Equal(0x4A | Level | RemoteIrr, Register(0x10 + 20));
        Assert.Equal(0x5B | Level, Register(0x10 + 22));
    }

    [Theory]
    [InlineData(0u, 0u, true)]
    [InlineData(0u, 1u << 24, false)]
    [InlineData(Logical, 3u << 24, true)]
    [InlineData(Logical, 4u << 24, false)]
    [InlineData(NonMaskable, 0u, false)]
    public void GoesToWhomTheEntryNames(uint flags, uint destination, bool isTaken)
    {
        _local.Write(0xD0, 4, 1 << 24);
        Write(0x11 + 8, destination);
        Route(4, 0x34 | flags);
        _io.SetLevel(4, true);
        Assert.Equal(isTaken, _local.IsInterruptPending);
        Assert.Equal(flags == NonMaskable, _local.TryTakeNonMaskable());
        Assert.False(_local.TryTakeNonMaskable());
    }

    /// <summary>A timer counts what it has delivered.</summary>
    [Fact]
    public void DevicesHearThatTheirInterruptWasTaken()
    {
        var pic = new Pic8259Pair(DeviceTrace.None) { Companion = _io };
        int taken = 0;
        pic.Line(0).Acknowledged += () => taken++;
        Route(IoApic.TimerInput, 0x20);
        pic.Line(0).Set(true);
        Assert.Equal(0, taken);
        Assert.Equal(0x20, Take());
        Assert.Equal(1, taken);
    }

    /// <summary>Nothing that a guest writes anywhere makes it fail.</summary>
    [Fact]
    public void AnyAccessIsBorne()
    {
        var random = new Random(11);
        for (int i = 0; i < 100_000; i++)
        {
            _io.Write(Index, 4, (uint)random.Next(0x50));
            _io.Write(random.Next(2) == 0 ? Data : random.Next((int)IoApic.Size), 1 << random.Next(3), (uint)random.NextInt64());
            _io.Read(random.Next((int)IoApic.Size), 1 << random.Next(3));
            _io.SetLevel(random.Next(IoApic.Inputs), random.Next(2) == 0);
            if (_local.IsInterruptPending)
            {
                _local.Acknowledge();
            }

            End();
        }
    }

    private void Route(int input, uint entry) => Write(0x10 + (2 * input), entry);

    private void Write(int register, uint value)
    {
        _io.Write(Index, 4, (uint)register);
        _io.Write(Data, 4, value);
    }

    private uint Register(int register)
    {
        _io.Write(Index, 4, (uint)register);
        return _io.Read(Data, 4);
    }

    private byte Take()
    {
        Assert.True(_local.IsInterruptPending);
        return _local.Acknowledge();
    }

    private void End() => _local.Write(EndOfInterrupt, 4, 0);

    private sealed class Silence : IInterruptSource
    {
        public bool IsInterruptPending => false;

        public byte Acknowledge() => throw new InvalidOperationException("nothing to acknowledge");
    }
}
