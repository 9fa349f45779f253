using Runtime.Devices;
using Runtime.Devices.Pci;
using Runtime.Memory;
using Xunit;

namespace Tests.Devices;

/// <summary>Functions in slots, as a driver's set-up code meets them.</summary>
public sealed class PciTests
{
    private const ushort Address = 0xCF8, Data = 0xCFC;
    private const int Slot = 5, OtherSlot = 9; // INTA# of both is on the same wire

    private readonly Board _board = new();
    private readonly Register _ports = new();
    private readonly Register _memory = new();
    private readonly PciFunction _function;
    private readonly PciFunction _other;

    public PciTests()
    {
        _function = new PciFunction(new PciIdentity(0x1234, 0x5678, 0xFF_0000, InterruptPin: 1), new PciBar(0, 16, false, _ports), new PciBar(1, 256, true, _memory));
        _other = new PciFunction(new PciIdentity(0x1234, 0x5679, 0xFF_0000, InterruptPin: 1), new PciBar(0, 16, false, new Register()));
        _board.Platform.Pci.Add(_function, Slot);
        _board.Platform.Pci.Add(_other, OtherSlot);
        _board.Out(0x21, 0xFB);
        _board.Out(0xA1, 0xF3);
    }

    [Fact]
    public void RangesAreAssignedAndDecodedAtPowerOn()
    {
        uint port = Config(0x10) & ~1u;
        uint memory = Config(0x14);
        Assert.Equal(1u, Config(0x10) & 3);
        Assert.Equal(0u, memory & 0xF);
        _board.Platform.Bus.Write((ushort)(port + 4), 4, 0x11223344);
        _board.Memory.Write32(memory + 8, 0x55667788);
        Assert.Equal((4, 0x11223344u), _ports.Last);
        Assert.Equal((8, 0x55667788u), _memory.Last);
        Assert.Equal(0x55667788u, _board.Memory.Read32(memory + 8));
    }

    [Fact]
    public void RangesTellTheirSize()
    {
        Config(0x10, uint.MaxValue);
        Config(0x14, uint.MaxValue);
        Config(0x18, uint.MaxValue);
        Assert.Equal(0xFFFF_FFF1u, Config(0x10));
        Assert.Equal(0xFFFF_FF00u, Config(0x14));
        Assert.Equal(0u, Config(0x18));
    }

    [Fact]
    public void RangesMove()
    {
        uint before = Config(0x10) & ~1u;
        Config(0x10, 0xD120);
        Config(0x14, 0xE000_0000);
        _board.Platform.Bus.Write(0xD120, 2, 7);
        _board.Memory.Write8(0xE000_0001, 9);
        Assert.Equal((0, 7u), _ports.Last);
        Assert.Equal((1, 9u), _memory.Last);
        Assert.Equal(uint.MaxValue, _board.Platform.Bus.Read((ushort)before, 4));
    }

    [Fact]
    public void DecodingCanBeTurnedOff()
    {
        uint port = Config(0x10) & ~1u;
        uint memory = Config(0x14);
        Config(0x04, 0);
        Assert.Equal(0xFFu, _board.Platform.Bus.Read((ushort)port, 1));
        Assert.Equal(0xFF, _board.Memory.Read8(memory));
        Config(0x04, 1);
        Assert.Equal(0u, _board.Platform.Bus.Read((ushort)port, 1));
        Assert.Equal(0xFF, _board.Memory.Read8(memory));
    }

    /// <summary>What a guest puts on top of the board's own ports stays behind them, and RAM stays RAM.</summary>
    [Fact]
    public void RangesDoNotHideTheBoard()
    {
        Config(0x10, 0x20);
        Assert.Equal(0xFBu, _board.In(0x21));
        Config(0x14, 0x1000);
        _board.Memory.Write32(0x1000, 0xABCD);
        Assert.Equal(0xABCDu, _board.Memory.Read32(0x1000));
        Assert.Equal(default, _memory.Last);
        Config(0x10, 0xFFFF_FFF0);
        Assert.Equal(uint.MaxValue, _board.Platform.Bus.Read(0xFFF0, 4));
    }

    [Fact]
    public void OverlappingRangesComeApartAgain()
    {
        Config(0x10, 0xD000);
        Config(0x10, 0xD000, OtherSlot);
        Config(0x10, 0xD100);
        _board.Platform.Bus.Write(0xD100, 1, 3);
        Assert.Equal((0, 3u), _ports.Last);
        Assert.Equal(0u, _board.Platform.Bus.Read(0xD000, 1));
    }

    [Fact]
    public void OneWireServesSeveralDevices()
    {
        byte irq = (byte)Config(0x3C);
        Assert.Contains(irq, new byte[] { 10, 11 });
        Assert.Equal(irq, (byte)Config(0x3C, null, OtherSlot));
        _function.Interrupt!.Set(true);
        _other.Interrupt!.Set(true);
        Assert.Equal(0x70 + irq - 8, _board.Platform.Pic.Acknowledge());
        _function.Interrupt.Set(false);
        EndOfInterrupt();
        Assert.True(_board.Platform.Pic.IsInterruptPending); // the other still wants it
        _board.Platform.Pic.Acknowledge();
        _other.Interrupt.Set(false);
        EndOfInterrupt();
        Assert.False(_board.Platform.Pic.IsInterruptPending);
    }

    [Fact]
    public void WiresCanBeRoutedAnew()
    {
        int wire = Slot - 1 & 3;
        _board.Platform.Bus.Write(Address, 4, 0x8000_0860);
        _board.Out((ushort)(Data + wire), 0x80);
        _function.Interrupt!.Set(true);
        Assert.False(_board.Platform.Pic.IsInterruptPending);
        _board.Out((ushort)(Data + wire), 5);
        _board.Out(0x21, 0xDF);
        Assert.Equal(0x0D, _board.Platform.Pic.Acknowledge());
        _board.Out((ushort)(Data + wire), 2); // not routable
        _function.Interrupt.Set(false);
        _board.Out((ushort)(Data + wire), 11);
        Assert.False(_board.Platform.Pic.IsInterruptPending);
    }

    [Fact]
    public void ConfigurationSpaceSurvivesAnything()
    {
        var random = new Random(1);
        for (int i = 0; i < 20_000; i++)
        {
            _board.Platform.Bus.Write(Address, 4, 0x8000_0000 | (uint)random.Next(16) << 11 | (uint)random.Next(64) << 2);
            _board.Platform.Bus.Write((ushort)(Data + random.Next(4)), 1 << random.Next(3), (uint)random.NextInt64(1L << 32));
            _board.Platform.Bus.Read((ushort)(Data + random.Next(4)), 1 << random.Next(3));
        }

        Assert.Equal(0x5678_1234u, Config(0));
    }

    private void EndOfInterrupt()
    {
        _board.Out(0xA0, 0x20);
        _board.Out(0x20, 0x20);
    }

    private uint Config(int register, uint? value = null, int slot = Slot)
    {
        _board.Platform.Bus.Write(Address, 4, 0x8000_0000 | (uint)slot << 11 | (uint)register);
        if (value is uint written)
        {
            _board.Platform.Bus.Write(Data, 4, written);
        }

        return _board.Platform.Bus.Read(Data, 4);
    }

    /// <summary>Remembers what was written last, and where.</summary>
    private sealed class Register : IPortDevice
    {
        public (int Offset, uint Value) Last { get; private set; }

        public int WidestAccess(int offset) => 4;

        public uint Read(int offset, int size) => Last.Value;

        public void Write(int offset, int size, uint value) => Last = (offset, value);
    }
}
