using Runtime;
using Runtime.Devices.Ethernet;
using Runtime.Devices.Pci;
using Runtime.Memory;
using Runtime.Network;
using Tests.Network;
using Xunit;

namespace Tests.Devices;

/// <summary>The card in a slot, used as drivers of the old chip and of the C+ do.</summary>
public sealed class Rtl8139Tests
{
    private const uint TransmitRing = 0x1_0000, ReceiveRing = 0x2_0000, Buffers = 0x10_0000;
    private const uint Own = 1u << 31, End = 1u << 30, First = 1u << 29, Last = 1u << 28;

    private readonly Board _board = new();
    private readonly VirtualSwitch _switch = new(() => { });
    private readonly TestStation _other = new();
    private readonly PciFunction _card;
    private readonly uint _io;
    private readonly uint _registers;
    private readonly MacAddress _mac = MacAddress.ForGuest(5);
    private readonly MacAddress _otherMac = MacAddress.ForGuest(6);

    public Rtl8139Tests()
    {
        var port = new GuestPort(_mac, _board.Platform.Completions);
        port.Plug(_switch.Connect(port, _mac));
        _other.Port = _switch.Connect(_other, _otherMac);
        _card = Rtl8139.Create(_board.Memory, port);
        _board.Platform.Pci.Add(_card, MachineLayout.NetworkSlot);
        _io = _card.AddressOf(_card.Bars[0])!.Value;
        _registers = _card.AddressOf(_card.Bars[1])!.Value;
        _card.WriteConfig(PciFunction.Command, 2, 7);
    }

    [Fact]
    public void TheEepromHoldsTheAddress()
    {
        Assert.Equal(0x8129, ReadEeprom(0));
        Assert.Equal(0x5452, ReadEeprom(7));
        Assert.Equal(0x0000, ReadEeprom(8));
        Assert.Equal(0x0500, ReadEeprom(9));
        Assert.Equal(0x52, In8(0));
        Assert.Equal(0x05, In8(5));
    }

    [Fact]
    public void PortsAndMemoryShowTheSameRegisters()
    {
        _board.Platform.Bus.Write((ushort)(_io + 0x44), 4, 0x1234_5678);
        Assert.Equal(0x1234_5678u, _board.Memory.Read32(_registers + 0x44));
        Assert.Equal(0x5678, _board.Memory.Read16(_registers + 0x44));
    }

    [Fact]
    public void TheRingSendsFramesInParts()
    {
        StartRings();
        byte[] frame = TestStation.Frame(_otherMac, _mac, 200, fill: 7).ToArray();
        Put(Buffers, frame[..50]);
        Put(Buffers + 0x1000, frame[50..]);
        Describe(TransmitRing, 0, Own | First | 50, Buffers);
        Describe(TransmitRing, 1, Own | Last | End | 150, Buffers + 0x1000);
        Out8(0xD9, 0x40);
        Forward();
        Assert.Equal(frame, _other.Take());
        Assert.Equal(First | 50, _board.Memory.Read32(TransmitRing));
        Assert.Equal(4, In16(0x3E) & 4);
        Assert.True(_card.Interrupt!.IsHigh);
        Out16(0x3E, 0xFFFF);
        Assert.False(_card.Interrupt.IsHigh);
    }

    [Fact]
    public void TheRingReceivesAndVouchesForNothingItDoesNotKnow()
    {
        StartRings();
        Describe(ReceiveRing, 0, Own | 1600, Buffers);
        Describe(ReceiveRing, 1, Own | End | 1600, Buffers + 0x1000);
        byte[] frame = TestStation.Frame(_mac, _otherMac, 1514, fill: 3).ToArray();
        _other.Send(frame);
        _other.Send(TestStation.Frame(MacAddress.Broadcast, _otherMac, 20).ToArray());
        Forward();
        Assert.Equal(First | Last | 1u << 25 | 1518, _board.Memory.Read32(ReceiveRing));
        Assert.Equal(End | First | Last | 1u << 24 | 64, _board.Memory.Read32(ReceiveRing + 16)); // padded
        Assert.Equal(frame, _board.Memory.Slice(new GuestPhysicalAddress(Buffers), 1514).ToArray());
        Assert.Equal(1, In16(0x3E) & 1);
    }

    [Fact]
    public void FramesWaitForBuffers()
    {
        StartRings();
        Describe(ReceiveRing, 0, Own | End | 1600, Buffers);
        _other.Send(TestStation.Frame(_mac, _otherMac, 60, fill: 1).ToArray());
        _other.Send(TestStation.Frame(_mac, _otherMac, 60, fill: 2).ToArray());
        Forward();
        Assert.Equal(1, _board.Memory.Read8(Buffers + 20));
        Describe(ReceiveRing, 0, Own | End | 1600, Buffers);
        Out16(0x3E, 0xFFFF); // the driver has looked
        Assert.Equal(2, _board.Memory.Read8(Buffers + 20));
    }

    [Fact]
    public void OtherStationsFramesAreFilteredUnlessAllAreWanted()
    {
        StartRings();
        Describe(ReceiveRing, 0, Own | End | 1600, Buffers);
        _other.Send(TestStation.Frame(new MacAddress(0x0200_0000_0001), _otherMac).ToArray());
        _other.Send(TestStation.Frame(new MacAddress(0x0100_5E00_0001), _otherMac).ToArray());
        Forward();
        Assert.Equal(Own | End | 1600, _board.Memory.Read32(ReceiveRing));
        Out32(0x44, 0x0F);
        _other.Send(TestStation.Frame(new MacAddress(0x0200_0000_0001), _otherMac).ToArray());
        Forward();
        Assert.Equal(0u, _board.Memory.Read32(ReceiveRing) & Own);
    }

    /// <summary>Ethernet's 224.0.0.1 has bit 31 in the filter (as ether_crc of Linux and of BSD compute it).</summary>
    [Fact]
    public void MulticastIsFilteredByItsHash()
    {
        Assert.Equal(31, MulticastHash.Of(new MacAddress(0x0100_5E00_0001)));
        StartRings();
        Out32(0x44, 0x0E);
        Out32(0x08, 1u << 31);
        Describe(ReceiveRing, 0, Own | End | 1600, Buffers);
        _other.Send(TestStation.Frame(new MacAddress(0x0100_5E00_0002), _otherMac).ToArray());
        Forward();
        Assert.Equal(Own | End | 1600, _board.Memory.Read32(ReceiveRing));
        _other.Send(TestStation.Frame(new MacAddress(0x0100_5E00_0001), _otherMac).ToArray());
        Forward();
        Assert.Equal(0u, _board.Memory.Read32(ReceiveRing) & Own);
    }

    [Fact]
    public void TheOldBuffersSend()
    {
        Out8(0x37, 0x0C);
        Out16(0x3C, 0xFFFF);
        byte[] frame = TestStation.Frame(_otherMac, _mac, 60, fill: 9).ToArray();
        Put(Buffers, frame);
        Out32(0x20 + 4, Buffers);
        Out32(0x10 + 4, 60);
        Forward();
        Assert.Equal(frame, _other.Take());
        Assert.Equal(1u << 15 | 1u << 13, In32(0x10 + 4) & (1u << 15 | 1u << 13));
        Assert.Equal(4, In16(0x3E));
        Assert.Equal(0x200F, In16(0x60));
    }

    [Fact]
    public void TheOldBufferReceivesAround()
    {
        Out32(0x30, Buffers);
        Out32(0x44, 0x0A);
        Out8(0x37, 0x0C);
        int read = 0;
        for (int i = 0; i < 100; i++)
        {
            Assert.Equal(1, In8(0x37) & 1);
            byte[] frame = TestStation.Frame(_mac, _otherMac, 60 + 13 * i, fill: (byte)i).ToArray();
            _other.Send(frame);
            Forward();
            Assert.Equal(0, In8(0x37) & 1);
            Assert.Equal((uint)(frame.Length + 4) << 16 | 0x4001, _board.Memory.Read32(Buffers + (uint)read));
            byte[] got = [.. Enumerable.Range(0, frame.Length).Select(k => _board.Memory.Read8(Buffers + (uint)((read + 4 + k) % 8192)))];
            Assert.Equal(frame, got);
            read = (read + 4 + frame.Length + 4 + 3 & ~3) % 8192;
            Out16(0x38, (uint)(read - 16) & 0xFFFF);
        }
    }

    [Fact]
    public void TheOldBufferHoldsBackWhatHasNoRoom()
    {
        Out32(0x30, Buffers);
        Out32(0x44, 0x0A);
        Out8(0x37, 0x0C);
        for (int i = 0; i < 10; i++)
        {
            _other.Send(TestStation.Frame(_mac, _otherMac, 1500, fill: (byte)i).ToArray());
        }

        Forward();
        int write = In16(0x3A);
        Assert.Equal(5 * 1508, write);
        Out16(0x38, (uint)(write - 16));
        Assert.Equal((5 * 1508 + 5 * 1508) % 8192, In16(0x3A));
    }

    [Fact]
    public void ResetStopsEverything()
    {
        StartRings();
        Out8(0x37, 0x10);
        Assert.Equal(0, In8(0x37) & 0x1C);
        Describe(TransmitRing, 0, Own | First | Last | End | 60, Buffers);
        Out8(0xD9, 0x40);
        Assert.Equal(Own | First | Last | End | 60, _board.Memory.Read32(TransmitRing));
    }

    /// <summary>Segmentation and checksums asked of the card: the switch gets the packet whole, with its header put right.</summary>
    [Fact]
    public void LargeSendsGoOutWhole()
    {
        StartRings();
        byte[] packet = UserGuest.Packet(6, UserGuest.Gateway, new byte[5020]);
        packet[34 + 12] = 0x50;
        Put(Buffers, packet);
        _otherMac.Write(_board.Memory.Slice(new GuestPhysicalAddress(Buffers), 6));
        _mac.Write(_board.Memory.Slice(new GuestPhysicalAddress(Buffers + 6), 6));
        Describe(TransmitRing, 0, Own | First | Last | End | 1u << 27 | 1460u << 16 | (uint)packet.Length, Buffers);
        Out8(0xD9, 0x40);
        Forward();
        byte[] got = _other.Take();
        Assert.Equal(packet.Length, got.Length);
        Assert.Equal(0, InternetChecksum.Finish(InternetChecksum.Sum(got.AsSpan(14, 20))));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void NoDriverEndsTheMonitor(int seed)
    {
        var random = new Random(seed);
        int[] interesting = [0x10, 0x14, 0x20, 0x24, 0x28, 0x30, 0x37, 0x38, 0x3C, 0x3E, 0x44, 0x50, 0x62, 0xD9, 0xE0, 0xE4, 0xE8];
        for (int i = 0; i < 60_000; i++)
        {
            int register = random.Next(4) == 0 ? random.Next(256) : interesting[random.Next(interesting.Length)];
            uint value = random.Next(3) switch { 0 => (uint)random.NextInt64(1L << 32), 1 => (uint)random.Next(0x10) * 0x1_0000, _ => (uint)random.Next(64) };
            switch (random.Next(6))
            {
                case 0:
                    _board.Memory.Write32(TransmitRing + (uint)random.Next(64) * 4, random.Next(2) == 0 ? value : value | Own | First | Last);
                    _board.Memory.Write32(ReceiveRing + (uint)random.Next(64) * 4, random.Next(2) == 0 ? value : value | Own);
                    break;
                case 1:
                    _other.Port.TryTransmit(TestStation.Frame(random.Next(2) == 0 ? _mac : MacAddress.Broadcast, _otherMac, random.Next(14, 1515)));
                    Forward();
                    break;
                case 2:
                    _board.Memory.Read32(_registers + (uint)register);
                    break;
                case 3 when random.Next(200) == 0:
                    StartRings();
                    break;
                default:
                    _board.Platform.Bus.Write((ushort)(_io + register), 1 << random.Next(3), value);
                    break;
            }

            while (_other.TryTake() is not null)
            {
            }
        }
    }

    private void StartRings()
    {
        Out16(0xE0, 0x03);
        Out8(0x37, 0x0C);
        Out32(0x20, TransmitRing);
        Out32(0x24, 0);
        Out32(0xE4, ReceiveRing);
        Out32(0xE8, 0);
        Out32(0x44, 0x0A);
        Out16(0x3C, 0xFFFF);
    }

    private void Describe(uint ring, uint index, uint options, uint buffer)
    {
        _board.Memory.Write32(ring + 16 * index, options);
        _board.Memory.Write32(ring + 16 * index + 8, buffer);
        _board.Memory.Write32(ring + 16 * index + 12, 0);
    }

    private void Forward()
    {
        while (_switch.Forward(100))
        {
        }

        _board.Platform.Completions.Advance(0);
    }

    private int ReadEeprom(int word)
    {
        int value = 0;
        Out8(0x50, 0x80);
        int command = 0b110 << 6 | word;
        for (int bit = 8; bit >= 0; bit--)
        {
            byte data = (byte)(0x88 | (command >> bit & 1) << 1);
            Out8(0x50, data);
            Out8(0x50, (uint)(data | 4));
        }

        for (int bit = 0; bit < 16; bit++)
        {
            Out8(0x50, 0x88);
            Out8(0x50, 0x8C);
            value = value << 1 | In8(0x50) & 1;
        }

        Out8(0x50, 0);
        return value;
    }

    private void Put(uint address, byte[] bytes) => bytes.CopyTo(_board.Memory.Slice(new GuestPhysicalAddress(address), bytes.Length));

    private byte In8(int register) => _board.Memory.Read8(_registers + (uint)register);

    private ushort In16(int register) => _board.Memory.Read16(_registers + (uint)register);

    private uint In32(int register) => _board.Memory.Read32(_registers + (uint)register);

    private void Out8(int register, uint value) => _board.Platform.Bus.Write((ushort)(_io + register), 1, value);

    private void Out16(int register, uint value) => _board.Platform.Bus.Write((ushort)(_io + register), 2, value);

    private void Out32(int register, uint value) => _board.Platform.Bus.Write((ushort)(_io + register), 4, value);
}
