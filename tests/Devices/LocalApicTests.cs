using Runtime.Devices;
using Runtime.Loading;
using Runtime.Memory;
using Xunit;

namespace Tests.Devices;

/// <summary>SDM vol. 3, chapter 11, as far as one processor without an I/O APIC has use for it.</summary>
public sealed class LocalApicTests
{
    private const int TaskPriority = 0x80, EndOfInterrupt = 0xB0, Spurious = 0xF0, Errors = 0x280, CommandLow = 0x300, CommandHigh = 0x310, TimerVector = 0x320,
        Lint0 = 0x350, TimerInitial = 0x380, TimerCurrent = 0x390, TimerDivide = 0x3E0;

    private const uint ToSelf = 1 << 18, External = 7 << 8, Masked = 1 << 16, On = 0x1FF;

    private readonly FakeClock _clock = new();
    private readonly Wire _wire = new();
    private readonly LocalApic _apic;
    private int _changes;

    public LocalApicTests() => _apic = new LocalApic(_clock, _wire, () => _changes++);

    [Fact]
    public void InterruptsAreTakenByPriorityAndHeldUntilTheirEnd()
    {
        Write(Spurious, On);
        Write(CommandLow, ToSelf | 0x41);
        Write(CommandLow, ToSelf | 0xF6);
        Assert.Equal(0xF6, _apic.Acknowledge());
        Assert.False(_apic.IsInterruptPending); // 41h is of a lower class than what is in service
        Write(EndOfInterrupt, 0);
        Assert.True(_apic.IsInterruptPending);
        Assert.Equal(0x41, _apic.Acknowledge());
        Write(EndOfInterrupt, 0);
        Assert.False(_apic.IsInterruptPending);
        Assert.Equal(0xFF, _apic.Acknowledge()); // spurious
    }

    /// <summary>The guest writes registers and runs on: what that brings about must not wait for the next exit.</summary>
    [Fact]
    public void WhatIsDueIsLookedAtAtOnce()
    {
        Write(Spurious, On);
        Write(CommandLow, ToSelf | 0x41);
        Assert.Equal(1, _changes);
        _apic.Acknowledge();
        Write(CommandLow, ToSelf | 0x31);
        Assert.Equal(1, _changes);
        Write(EndOfInterrupt, 0);
        Assert.Equal(2, _changes);
        Write(TimerVector, 0xEF);
        Write(TimerInitial, 1000);
        Assert.Equal(3, _changes);
    }

    [Fact]
    public void TaskPriorityShutsOutItsClassAndBelow()
    {
        Write(TaskPriority, 0x40);
        Write(CommandLow, ToSelf | 0x4F);
        Assert.False(_apic.IsInterruptPending);
        Write(TaskPriority, 0x3F);
        Assert.True(_apic.IsInterruptPending);
    }

    /// <summary>PIC mode: the 8259As go past the APIC until the guest switches them over.</summary>
    [Fact]
    public void TheOldControllersComeThroughWhereTheGuestWantsThem()
    {
        _wire.IsInterruptPending = true;
        Assert.True(_apic.IsInterruptPending);
        Assert.Equal(Wire.Vector, _apic.Acknowledge());
        var mode = new InterruptModeRegister(_apic);
        mode.Write(0, 1, 0x70);
        mode.Write(1, 1, 1);
        Assert.Equal(1u, mode.Read(1, 1));
        Assert.False(_apic.IsInterruptPending);
        Write(Spurious, On);
        Write(Lint0, External);
        Assert.True(_apic.IsInterruptPending);
        Write(Lint0, External | Masked);
        Assert.False(_apic.IsInterruptPending);
    }

    /// <summary>SDM vol. 3, 11.4.7.2: what software disabling has masked stays masked.</summary>
    [Fact]
    public void DisablingMasksAllEntries()
    {
        Write(Spurious, On);
        Write(Lint0, External);
        Write(Spurious, 0xFF);
        Assert.Equal(External | Masked, _apic.Read(Lint0, 4));
        Write(Lint0, External);
        Assert.Equal(External | Masked, _apic.Read(Lint0, 4));
        Write(Spurious, On);
        Assert.Equal(External | Masked, _apic.Read(Lint0, 4));
    }

    [Theory]
    [InlineData(0u, 0u, true)] // physical, to processor 0
    [InlineData(0u, 5u << 24, false)]
    [InlineData(0u, 0xFFu << 24, true)]
    [InlineData(1u << 11, 2u << 24, true)] // logical
    [InlineData(1u << 11, 4u << 24, false)]
    [InlineData(2u << 18, 0u, true)] // all including itself
    [InlineData(3u << 18, 0u, false)] // all but itself
    [InlineData(4u << 8, 0u, false)] // NMI has no vector
    public void InterprocessorInterruptsGoToWhomTheyName(uint command, uint destination, bool isForSelf)
    {
        Write(0xD0, 2u << 24);
        Write(CommandHigh, destination);
        Write(CommandLow, command | 0x60);
        Assert.Equal(isForSelf, _apic.IsInterruptPending);
    }

    [Fact]
    public void VectorsBelowSixteenAreErrors()
    {
        Write(CommandLow, ToSelf | 0x0F);
        Assert.False(_apic.IsInterruptPending);
        Write(Errors, 0);
        Assert.Equal(1u << 5, _apic.Read(Errors, 4));
        Write(Errors, 0);
        Assert.Equal(0u, _apic.Read(Errors, 4));
    }

    [Theory]
    [InlineData(0u, 1)]
    [InlineData(1u << 17, 3)] // periodic
    public void TimerCountsDown(uint kind, int expected)
    {
        Write(Spurious, On);
        Write(TimerDivide, 3); // by 16
        Write(TimerVector, kind | 0xEF);
        Write(TimerInitial, 1000);
        int seen = 0;
        for (_clock.Now += 8_000; _clock.Now < 60_000; _clock.Now += 16_000)
        {
            Assert.InRange(_apic.Read(TimerCurrent, 4), 0u, 1000u);
            _apic.Advance(_clock.Now);
            if (_apic.IsInterruptPending)
            {
                Assert.Equal(0xEF, _apic.Acknowledge());
                Write(EndOfInterrupt, 0);
                seen++;
            }
        }

        Assert.Equal(expected, seen);
    }

    /// <summary>Nothing that a guest writes anywhere makes it fail.</summary>
    [Fact]
    public void AnyAccessIsBorne()
    {
        var random = new Random(7);
        for (int i = 0; i < 100_000; i++)
        {
            int offset = random.Next((int)LocalApic.Size), size = 1 << random.Next(3);
            _apic.Write(offset & ~15, 4, (uint)random.NextInt64());
            _apic.Write(offset, size, (uint)random.NextInt64());
            _apic.Read(offset, size);
            _clock.Now += random.Next(1_000_000);
            _apic.Advance(_clock.Now);
            if (_apic.IsInterruptPending)
            {
                _apic.Acknowledge();
            }
        }
    }

    /// <summary>The table is where kernels look, and its sums are right.</summary>
    [Fact]
    public void KernelsAreToldOfIt()
    {
        using var memory = new GuestMemory(2 << 20);
        MultiprocessorTable.WriteWithoutIoApic(memory);
        Span<byte> pointer = memory.Slice(new GuestPhysicalAddress(0xF_0000), 16);
        Assert.True(pointer[..4].SequenceEqual("_MP_"u8));
        uint at = BitConverter.ToUInt32(pointer[4..]);
        int length = BitConverter.ToUInt16(memory.Slice(new GuestPhysicalAddress(at + 4), 2));
        byte[] table = memory.Slice(new GuestPhysicalAddress(at), length).ToArray();
        Assert.True(table.AsSpan(0, 4).SequenceEqual("PCMP"u8));
        Assert.Equal(0xFEE0_0000, BitConverter.ToUInt32(table, 36));
        Assert.Equal(0, (byte)table.Sum(value => value));
        Assert.Equal(0, (byte)pointer.ToArray().Sum(value => value));
        // One processor, one bus, three interrupts: the entries fill the table exactly.
        Assert.Equal(44 + 20 + (4 * 8), length);
        Assert.Equal(5, table[34]);
    }

    private void Write(int register, uint value) => _apic.Write(register, 4, value);

    private sealed class Wire : IInterruptSource
    {
        public const byte Vector = 0x34;

        public bool IsInterruptPending { get; set; }

        public byte Acknowledge() => Vector;
    }
}
