using System.Buffers.Binary;
using Runtime.Devices;
using Runtime.Memory;
using Xunit;

namespace Tests.Devices;

/// <summary>A drive as primary master, used as a bus-master driver does.</summary>
public sealed class IdeDmaTests : IDisposable
{
    private const ushort Count = 0x1F2, Low = 0x1F3, Mid = 0x1F4, High = 0x1F5, Drive = 0x1F6, Status = 0x1F7, Control = 0x3F6;
    private const byte Idle = 0x50, Busy = 0x80, Failed = 0x41;
    private const byte Start = 1, ToMemory = 8;
    private const byte Active = 1, Error = 2, Interrupt = 4;
    private const int Sectors = 4096;
    private const uint Table = 0x1000, Buffer = 0x10_0000;

    private readonly string _path = Path.GetTempFileName();
    private readonly DiskImage _disk;
    private readonly Board _board;
    private readonly ushort _master;
    private readonly List<GuestRange> _stored = [];

    public IdeDmaTests()
    {
        byte[] contents = new byte[Sectors * DiskImage.SectorSize];
        for (int i = 0; i < contents.Length; i += 4)
        {
            BinaryPrimitives.WriteInt32LittleEndian(contents.AsSpan(i), i * 31);
        }

        File.WriteAllBytes(_path, contents);
        _disk = DiskImage.Open(_path);
        _board = new Board(_disk);
        _board.Memory.StoredByDevice = (address, length) => _stored.Add(new GuestRange(address, length));
        _board.Out(0x21, 0xFB);
        _board.Out(0xA1, 0x3F);
        _master = (ushort)(Config(0x20) & ~3u);
        Config(0x04, 0x05); // ports, bus master
    }

    public void Dispose()
    {
        _board.Platform.Dispose();
        _disk.Dispose();
        File.Delete(_path);
    }

    [Fact]
    public void IdentifyTellsOfDma()
    {
        Command(0xEF, features: 3, count: 0x22);
        Assert.Equal(0x0407, IdentityWord(63));
        Assert.Equal(0x003F, IdentityWord(88));
        Command(0xEF, features: 3, count: 0x45);
        Assert.Equal(0x0007, IdentityWord(63));
        Assert.Equal(0x203F, IdentityWord(88));
        Assert.Equal(0x100, IdentityWord(49) & 0x100);
    }

    [Theory]
    [InlineData(0xC8)]
    [InlineData(0x25)]
    public void ReadsScatteredRegions(byte command)
    {
        Describe((Buffer, 512), (Buffer + 0x2000, 1024), (Buffer + 0x5002, 510), (Buffer + 0x8000, 2));
        Command(command, lba: 100, count: 4);
        Assert.Equal(Busy, _board.In(Control));
        Begin(ToMemory);
        _board.AwaitCompletion();
        Assert.Equal(0x76, _board.Platform.Pic.Acknowledge());
        Assert.Equal(Interrupt, MasterStatus);
        Assert.Equal(Idle, _board.In(Status));
        byte[] disk = ReadFile();
        Assert.Equal(disk.AsSpan(100 * 512, 512), Ram(Buffer, 512));
        Assert.Equal(disk.AsSpan(101 * 512, 1024), Ram(Buffer + 0x2000, 1024));
        Assert.Equal(disk.AsSpan(103 * 512, 510), Ram(Buffer + 0x5002, 510));
        Assert.Equal(disk.AsSpan(103 * 512 + 510, 2), Ram(Buffer + 0x8000, 2));
        Assert.Equal(2048, _stored.Sum(range => range.Length)); // so that no stale copy of code survives
    }

    [Theory]
    [InlineData(0xCA)]
    [InlineData(0x35)]
    [InlineData(0x3D)]
    public void WritesScatteredRegions(byte command)
    {
        _board.Memory.Slice(new GuestPhysicalAddress(Buffer), 1024).Fill(0x5A);
        _board.Memory.Slice(new GuestPhysicalAddress(0x40_0000), 512).Fill(0xA5);
        Describe((Buffer, 1024), (0x40_0000, 512));
        Command(command, lba: 9, count: 3);
        Begin(0);
        _board.AwaitCompletion();
        if (command == 0x3D)
        {
            _board.AwaitCompletion(); // FUA: the flush
        }

        Assert.Equal(Idle, _board.In(Status));
        byte[] disk = ReadFile();
        Assert.All(disk[(9 * 512)..(11 * 512)], value => Assert.Equal(0x5A, value));
        Assert.All(disk[(11 * 512)..(12 * 512)], value => Assert.Equal(0xA5, value));
        Assert.Equal(12 * 512 * 31, BinaryPrimitives.ReadInt32LittleEndian(disk.AsSpan(12 * 512)));
    }

    [Fact]
    public void TheMasterMayBeStartedFirst()
    {
        Describe((Buffer, 512));
        Begin(ToMemory);
        Assert.Equal(Active, MasterStatus);
        Command(0xC8, lba: 7, count: 1);
        _board.AwaitCompletion();
        Assert.Equal(ReadFile().AsSpan(7 * 512, 512), Ram(Buffer, 512));
    }

    [Fact]
    public void LongTransfersTakeManyRegions()
    {
        const int pages = 1500; // more than one call of the host takes
        Describe([.. Enumerable.Range(0, 188).Select(i => (Buffer + 0x2_0000u * (uint)i, 4096))]);
        Describe([.. Enumerable.Range(0, pages).Select(i => (Buffer + 0x2000u * (uint)i, 1024))]);
        Command(0x25, lba: 0, count: 2 * pages);
        Begin(ToMemory);
        _board.AwaitCompletion();
        Assert.Equal(Idle, _board.In(Status));
        byte[] disk = ReadFile();
        for (int i = 0; i < pages; i++)
        {
            Assert.Equal(disk.AsSpan(i * 1024, 1024), Ram(Buffer + 0x2000u * (uint)i, 1024));
        }
    }

    [Fact]
    public void ATableThatGoesOnLeavesTheMasterActive()
    {
        Describe((Buffer, 512), (Buffer + 512, 512));
        Command(0xC8, lba: 7, count: 1);
        Begin(ToMemory);
        _board.AwaitCompletion();
        Assert.Equal(Active | Interrupt, MasterStatus);
        Assert.Equal(0u, _board.Memory.Read32(Buffer + 512));
    }

    /// <summary>What names no RAM, ends too early, never ends or goes the wrong way moves nothing and is the driver's error.</summary>
    [Theory]
    [InlineData("outside")]
    [InlineData("across the end")]
    [InlineData("short")]
    [InlineData("endless")]
    [InlineData("table outside")]
    [InlineData("wrong way")]
    [InlineData("not a master")]
    public void HostileTablesAreRefused(string kind)
    {
        byte direction = ToMemory;
        Describe((Buffer, 1024));
        switch (kind)
        {
            case "outside":
                Describe((Buffer, 512), (0xF000_0000, 512));
                break;
            case "across the end":
                Describe((Buffer, 512), (0x0400_0000 - 256, 512));
                break;
            case "short":
                Describe((Buffer, 512));
                break;
            case "endless":
                _board.Memory.Slice(new GuestPhysicalAddress(Table), 0x8_0000).Clear();
                break;
            case "table outside":
                _board.Platform.Bus.Write((ushort)(_master + 4), 4, 0xFFFF_FFFC);
                break;
            case "wrong way":
                direction = 0;
                break;
            default:
                Config(0x04, 1);
                break;
        }

        Command(0xC8, lba: 7, count: 2);
        Begin(direction);
        Assert.Equal(Error | Interrupt, MasterStatus);
        Assert.Equal(Failed, _board.In(Status));
        Assert.Equal(0x76, _board.Platform.Pic.Acknowledge());
        Assert.Equal(0u, _board.Memory.Read32(Buffer));
    }

    [Fact]
    public void ResetForgetsWhatIsInFlight()
    {
        Describe((Buffer, 512));
        Command(0xC8, lba: 7, count: 1);
        Begin(ToMemory);
        _board.Out(Control, 4);
        _board.Out(Control, 0);
        _board.AwaitCompletion();
        Assert.Equal(Idle, _board.In(Status));
        Assert.Equal(0, MasterStatus);
        Assert.False(_board.Platform.Pic.IsInterruptPending);
        Command(0xE7);
        _board.AwaitCompletion();
        Assert.Equal(Idle, _board.In(Status));
    }

    [Fact]
    public void CommandsWhileBusyAreLost()
    {
        Describe((Buffer, 512));
        Command(0xC8, lba: 7, count: 1);
        _board.Out(Status, 0x20);
        _board.Out(Drive, 0xF0);
        _board.Out(Status, 0xE7);
        _board.Out(Drive, 0xE0);
        Assert.Equal(Busy, _board.In(Control));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void NoSequenceOfAccessesThrows(int seed)
    {
        var random = new Random(seed);
        for (int i = 0; i < 30_000; i++)
        {
            ushort[] ports = [Count, Low, Mid, High, Drive, Control, 0x1F0, 0x1F1];
            switch (random.Next(7))
            {
                case 0:
                    byte[] commands = [0xC8, 0xCA, 0x25, 0x35, 0x3D, 0xE7, 0xEF, 0x20, 0x30];
                    _board.Out(Status, commands[random.Next(commands.Length)]);
                    break;
                case 1:
                    _board.Out(ports[random.Next(ports.Length)], (uint)(random.Next(4) == 0 ? random.Next(256) : 0));
                    break;
                case 2:
                    _board.Platform.Bus.Write((ushort)(_master + random.Next(16)), 1 << random.Next(3), (uint)random.Next(1 << 27));
                    break;
                case 3:
                    Begin((byte)(random.Next(2) * ToMemory));
                    break;
                case 4:
                    Describe((Buffer + (uint)random.Next(1 << 16), random.Next(1 << 16)), ((uint)random.Next(1 << 27), random.Next(1 << 16)));
                    break;
                case 5:
                    _board.Platform.Completions.Advance(0);
                    break;
                default:
                    _board.In(Status);
                    break;
            }
        }
    }

    private byte MasterStatus => (byte)(_board.In((ushort)(_master + 2)) & 7);

    private Span<byte> Ram(uint address, int length) => _board.Memory.Slice(new GuestPhysicalAddress(address), length);

    private void Describe(params (uint Address, int Length)[] regions)
    {
        for (int i = 0; i < regions.Length; i++)
        {
            _board.Memory.Write32(Table + 8 * (uint)i, regions[i].Address);
            _board.Memory.Write32(Table + 8 * (uint)i + 4, (uint)(regions[i].Length & 0xFFFE) | (i == regions.Length - 1 ? 1u << 31 : 0));
        }

        _board.Platform.Bus.Write((ushort)(_master + 4), 4, Table);
    }

    private void Begin(byte direction)
    {
        _board.Out(_master, direction);
        _board.Out(_master, (uint)(direction | Start));
    }

    private void Command(byte command, int lba = 0, int count = 0, byte features = 0)
    {
        _board.Out(0x1F1, features);
        _board.Out(Count, (uint)count >> 8);
        _board.Out(Count, (uint)count & 0xFF);
        foreach (ushort port in new[] { Low, Mid, High })
        {
            _board.Out(port, 0);
        }

        _board.Out(Low, (uint)lba & 0xFF);
        _board.Out(Mid, (uint)(lba >> 8) & 0xFF);
        _board.Out(High, (uint)(lba >> 16) & 0xFF);
        _board.Out(Drive, 0xE0);
        _board.Out(Status, command);
    }

    private int IdentityWord(int word)
    {
        Command(0xEC);
        byte[] identity = new byte[512];
        for (int i = 0; i < identity.Length; i += 2)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(identity.AsSpan(i), (ushort)_board.Platform.Bus.Read(0x1F0, 2));
        }

        return BinaryPrimitives.ReadUInt16LittleEndian(identity.AsSpan(2 * word));
    }

    private uint Config(int register, uint? value = null)
    {
        _board.Platform.Bus.Write(0xCF8, 4, 0x8000_0900 | (uint)register);
        if (value is uint written)
        {
            _board.Platform.Bus.Write(0xCFC, 2, written);
        }

        return _board.Platform.Bus.Read(0xCFC, 4);
    }

    private byte[] ReadFile()
    {
        using var stream = new FileStream(_path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        byte[] contents = new byte[stream.Length];
        stream.ReadExactly(contents);
        return contents;
    }
}
