using System.Buffers.Binary;
using System.Text;
using Runtime.Devices;
using Xunit;

namespace Tests.Devices;

/// <summary>A drive as primary master, used as a PIO driver does.</summary>
public sealed class IdeTests : IDisposable
{
    private const ushort Data = 0x1F0, Error = 0x1F1, Count = 0x1F2, Low = 0x1F3, Mid = 0x1F4, High = 0x1F5, Drive = 0x1F6, Status = 0x1F7, Control = 0x3F6;
    private const byte Idle = 0x50, DataRequest = 0x58, Failed = 0x41, Aborted = 0x04;
    private const int Sectors = 2048;

    private readonly string _path = Path.GetTempFileName();
    private readonly DiskImage _disk;
    private readonly Board _board;

    public IdeTests()
    {
        byte[] contents = new byte[Sectors * DiskImage.SectorSize];
        for (int sector = 0; sector < Sectors; sector++)
        {
            BinaryPrimitives.WriteInt32LittleEndian(contents.AsSpan(sector * DiskImage.SectorSize), sector);
        }

        File.WriteAllBytes(_path, contents);
        _disk = DiskImage.Open(_path);
        _board = new Board(_disk);
        _board.Out(0x21, 0xFB);
        _board.Out(0xA1, 0x3F);
    }

    public void Dispose()
    {
        _disk.Dispose();
        File.Delete(_path);
    }

    [Fact]
    public void IdentifyTellsModelAndSize()
    {
        Command(0xEC, drive: 0xA0);
        byte[] identity = ReadBlock(1);
        Assert.Equal(Sectors, BinaryPrimitives.ReadInt32LittleEndian(identity.AsSpan(120)));
        Assert.Equal(Sectors, BinaryPrimitives.ReadInt64LittleEndian(identity.AsSpan(200)));
        string model = Encoding.ASCII.GetString([.. Enumerable.Range(54, 40).Select(i => identity[i ^ 1])]);
        Assert.Equal("QEMU HARDDISK", model.TrimEnd());
        Assert.Equal(Idle, _board.In(Status));
    }

    [Theory]
    [InlineData(0x20, 0xE0)]
    [InlineData(0x24, 0x40)]
    public void ReadsByLba(byte command, byte drive)
    {
        Command(command, drive, lba: 1000, count: 2);
        Assert.Equal(1000, BinaryPrimitives.ReadInt32LittleEndian(ReadBlock(1)));
        Assert.Equal(DataRequest, _board.In(Status));
        Assert.Equal(1001, BinaryPrimitives.ReadInt32LittleEndian(ReadBlock(1)));
        Assert.Equal(Idle, _board.In(Status));
    }

    [Fact]
    public void ReadsByCylinderHeadSector()
    {
        // 16 heads of 63 sectors: cylinder 1, head 2, sector 3.
        Command(0x20, 0xA2, lba: 1 << 8 | 3, count: 1);
        Assert.Equal((1 * 16 + 2) * 63 + 2, BinaryPrimitives.ReadInt32LittleEndian(ReadBlock(1)));
    }

    [Fact]
    public void SectorZeroDoesNotExistInChs()
    {
        Command(0x20, 0xA0, lba: 0, count: 1);
        AssertAborted();
    }

    [Fact]
    public void EachBlockInterruptsAndStatusAcknowledges()
    {
        Command(0x20, 0xE0, lba: 5, count: 2);
        Assert.Equal(0x76, TakeInterrupt());
        Assert.False(_board.Platform.Pic.IsInterruptPending);
        _board.In(Status);
        ReadBlock(1);
        Assert.Equal(0x76, TakeInterrupt());
        _board.In(Status);
        ReadBlock(1);
        Assert.False(_board.Platform.Pic.IsInterruptPending);
    }

    [Fact]
    public void InterruptsCanBeDisabled()
    {
        _board.Out(Control, 2);
        Command(0x20, 0xE0, lba: 5, count: 1);
        Assert.False(_board.Platform.Pic.IsInterruptPending);
        _board.Out(Control, 0);
        Assert.True(_board.Platform.Pic.IsInterruptPending);
    }

    [Fact]
    public void AlternateStatusKeepsTheInterrupt()
    {
        Command(0x20, 0xE0, lba: 5, count: 1);
        Assert.Equal(DataRequest, _board.In(Control));
        Assert.True(_board.Platform.Pic.IsInterruptPending);
    }

    [Fact]
    public void WritesReachTheFile()
    {
        Command(0x30, 0xE0, lba: 7, count: 2);
        Assert.False(_board.Platform.Pic.IsInterruptPending);
        WriteBlock(1, 0xAB);
        Assert.Equal(0x76, TakeInterrupt());
        Assert.Equal(DataRequest, _board.In(Status));
        WriteBlock(1, 0xCD);
        Assert.Equal(Idle, _board.In(Status));
        Command(0xE7, 0xE0);
        _board.AwaitCompletion();
        Assert.Equal(Idle, _board.In(Status));

        byte[] file = ReadFile();
        Assert.All(file[(7 * 512)..(8 * 512)], value => Assert.Equal(0xAB, value));
        Assert.All(file[(8 * 512)..(9 * 512)], value => Assert.Equal(0xCD, value));
        Assert.Equal(9, BinaryPrimitives.ReadInt32LittleEndian(file.AsSpan(9 * 512)));
    }

    [Fact]
    public void MultipleTransfersSeveralSectorsPerInterrupt()
    {
        Command(0xC4, 0xE0, lba: 10, count: 6);
        AssertAborted(); // not set up yet
        Command(0xC6, 0xE0, count: 4);
        Assert.Equal(Idle, _board.In(Status));
        Command(0xC4, 0xE0, lba: 10, count: 6);
        byte[] first = ReadBlock(4);
        byte[] second = ReadBlock(2);
        Assert.Equal(13, BinaryPrimitives.ReadInt32LittleEndian(first.AsSpan(3 * 512)));
        Assert.Equal(15, BinaryPrimitives.ReadInt32LittleEndian(second.AsSpan(512)));
        Assert.Equal(Idle, _board.In(Status));
    }

    [Fact]
    public void WriteMultiple()
    {
        Command(0xC6, 0xE0, count: 2);
        Command(0xC5, 0xE0, lba: 20, count: 3);
        WriteBlock(2, 0x11);
        WriteBlock(1, 0x22);
        Assert.Equal(Idle, _board.In(Status));
        Assert.Equal(0x22, ReadFile()[22 * 512]);
    }

    [Theory]
    [InlineData(0x20, 0xE0, Sectors, 1)]
    [InlineData(0x20, 0xE0, Sectors - 1, 2)]
    [InlineData(0x30, 0xE0, Sectors, 1)]
    [InlineData(0xC6, 0xE0, 0, 3)]
    [InlineData(0xC6, 0xE0, 0, 32)]
    [InlineData(0xC8, 0xE0, Sectors, 1)]
    [InlineData(0xEF, 0xE0, 0, 0x23)]
    [InlineData(0xA1, 0xE0, 0, 0)]
    [InlineData(0xEF, 0xE0, 0, 0)]
    public void WhatCannotBeDoneAborts(byte command, byte drive, int lba, byte count)
    {
        Command(command, drive, lba, count);
        AssertAborted();
    }

    [Fact]
    public void DataPortTakesDwords()
    {
        Command(0x20, 0xE0, lba: 300, count: 1);
        Assert.Equal(300u, _board.Platform.Bus.Read(Data, 4));
    }

    [Fact]
    public void AbsentSlaveShowsNothing()
    {
        _board.Out(Drive, 0xF0);
        Assert.Equal(0, _board.In(Status));
        _board.Out(Status, 0xEC);
        Assert.Equal(0, _board.In(Status));
        Assert.False(_board.Platform.Pic.IsInterruptPending);
    }

    [Fact]
    public void SoftwareResetLeavesTheSignature()
    {
        Command(0x20, 0xE0, lba: 0x123, count: 1);
        _board.Out(Control, 4);
        Assert.Equal(0x80, _board.In(Control));
        _board.Out(Control, 0);
        Assert.Equal([Idle, 1, 1, 1, 0, 0], new[] { _board.In(Status), _board.In(Error), _board.In(Count), _board.In(Low), _board.In(Mid), _board.In(High) });
    }

    [Fact]
    public void DiagnosticPasses()
    {
        Command(0x90, 0xE0);
        Assert.Equal(0x76, TakeInterrupt());
        Assert.Equal(1, _board.In(Error));
    }

    [Fact]
    public void ReadOnlyImageRefusesWrites()
    {
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(path, new byte[4096]);
            using DiskImage disk = DiskImage.OpenReadOnly(path);
            var board = new Board(disk);
            board.Out(Count, 1);
            board.Out(Drive, 0xE0);
            board.Out(Status, 0x30);
            Assert.Equal(Failed, board.In(Status));
        }
        finally
        {
            File.Delete(path);
        }
    }

    private void Command(byte command, byte drive, int lba = 0, int count = 0)
    {
        bool is48Bit = command is 0x24 or 0x34 or 0x29 or 0x39;
        if (is48Bit)
        {
            _board.Out(Count, 0);
            _board.Out(Low, (uint)lba >> 24 & 0xFF);
            _board.Out(Mid, 0);
            _board.Out(High, 0);
        }

        _board.Out(Drive, drive);
        _board.Out(Count, (uint)count);
        _board.Out(Low, (uint)lba & 0xFF);
        _board.Out(Mid, (uint)lba >> 8 & 0xFF);
        _board.Out(High, (uint)lba >> 16 & 0xFF);
        _board.Out(Status, command);
    }

    private byte[] ReadBlock(int sectors)
    {
        Assert.Equal(DataRequest, _board.In(Control));
        byte[] block = new byte[sectors * DiskImage.SectorSize];
        for (int i = 0; i < block.Length; i += 2)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(block.AsSpan(i), (ushort)_board.Platform.Bus.Read(Data, 2));
        }

        return block;
    }

    private void WriteBlock(int sectors, byte value)
    {
        Assert.Equal(DataRequest, _board.In(Control));
        for (int i = 0; i < sectors * DiskImage.SectorSize; i += 2)
        {
            _board.Platform.Bus.Write(Data, 2, (uint)(value << 8 | value));
        }
    }

    private byte TakeInterrupt()
    {
        Assert.True(_board.Platform.Pic.IsInterruptPending);
        byte vector = _board.Platform.Pic.Acknowledge();
        _board.Out(0xA0, 0x20);
        _board.Out(0x20, 0x20);
        return vector;
    }

    private void AssertAborted()
    {
        Assert.Equal(Failed, _board.In(Status));
        Assert.Equal(Aborted, _board.In(Error));
    }

    private byte[] ReadFile()
    {
        using FileStream file = new(_path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        byte[] contents = new byte[file.Length];
        file.ReadExactly(contents);
        return contents;
    }
}
