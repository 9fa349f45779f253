// The bus master of one IDE channel: moves the data of DMA commands between the disk's file and guest RAM, on a thread of its own.
using Runtime.Devices.Disks;
using Runtime.Memory;
using Runtime.Time;

namespace Runtime.Devices;

/// <summary>What a DMA command asks for.</summary>
/// <param name="Done">Called with whether all data was moved.</param>
internal sealed record IdeTransfer(DiskImage Image, long Sector, int Sectors, bool IsWriting, Action<bool> Done)
{
    public long Bytes => (long)Sectors * DiskImage.SectorSize;
}

/// <summary>Eight ports (Programming Interface for Bus Master IDE Controller 1.0, 2): 0 command, 2 status, 4-7 address of the table. A
/// transfer runs once both the drive and the guest have asked for it, in either order.</summary>
internal sealed class IdeBusMaster(GuestMemory memory, Func<bool> isEnabled, DeviceWorker worker) : IPortDevice
{
    private const int Command = 0, Status = 2, Table = 4;
    private const byte Start = 1, ToMemory = 8;
    private const byte Active = 1, Error = 2, Interrupt = 4, DrivesCapable = 0x60;

    private byte _command;
    private byte _status = DrivesCapable;
    private uint _table;
    private IdeTransfer? _requested;

    /// <summary>Where the channel's drives have their other lengthy work done.</summary>
    public DeviceWorker Worker => worker;

    public int WidestAccess(int offset) => offset == Table ? 4 : 1;

    public uint Read(int offset, int size) => offset switch
    {
        Command => _command,
        Status => _status,
        >= Table => size == 4 ? _table : (byte)(_table >> 8 * (offset - Table)),
        _ => 0xFF,
    };

    public void Write(int offset, int size, uint value)
    {
        switch (offset)
        {
            case Command:
                WriteCommand((byte)value);
                break;
            case Status:
                byte cleared = (byte)(value & (Error | Interrupt));
                _status = (byte)(_status & ~DrivesCapable & ~cleared | (byte)value & DrivesCapable);
                break;
            case >= Table when size == 4:
                _table = value & ~3u;
                break;
            case >= Table:
                int shift = 8 * (offset - Table);
                _table = (_table & ~(0xFFu << shift) | value << shift) & ~3u;
                break;
        }
    }

    /// <summary>A drive wants its data moved.</summary>
    public void Request(IdeTransfer transfer)
    {
        _requested = transfer;
        TryRun();
    }

    /// <summary>The drives were reset: nothing of theirs is moved or reported any more.</summary>
    public void Reset()
    {
        worker.Abandon();
        _requested = null;
        _status &= unchecked((byte)~Active);
    }

    /// <summary>A drive has asserted its interrupt.</summary>
    public void NoteInterrupt() => _status |= Interrupt;

    private void WriteCommand(byte value)
    {
        bool wasStarted = (_command & Start) != 0;
        _command = (byte)(value & (Start | ToMemory));
        if (wasStarted && (_command & Start) == 0)
        {
            // Stopping cannot take back what the host's kernel is doing: it waits for it.
            worker.Drain();
            _status &= unchecked((byte)~Active);
        }
        else if (!wasStarted && (_command & Start) != 0)
        {
            _status |= Active;
            TryRun();
        }
    }

    private void TryRun()
    {
        if (_requested is not { } transfer || (_command & Start) == 0 || worker.IsBusy)
        {
            return;
        }

        _requested = null;
        bool isRightWay = (_command & ToMemory) != 0 != transfer.IsWriting;
        if (!isEnabled() || !isRightWay || !PrdTable.TryRead(memory, _table, transfer.Bytes, out List<GuestRange> regions, out bool isExact))
        {
            _status = (byte)(_status & ~Active | Error);
            transfer.Done(false);
            return;
        }

        IoVector[] pieces = [.. regions.Select(region => new IoVector(memory.HostAddress(region), region.Length))];
        worker.Start(() => TryMove(transfer, pieces), succeeded => Complete(transfer, regions, isExact, succeeded));
    }

    private static bool TryMove(IdeTransfer transfer, IoVector[] pieces)
    {
        try
        {
            transfer.Image.Transfer(transfer.IsWriting, transfer.Sector, pieces);
            return true;
        }
        catch (Exception refused) when (refused is IOException or ObjectDisposedException)
        {
            return false;
        }
    }

    private void Complete(IdeTransfer transfer, List<GuestRange> regions, bool isExact, bool succeeded)
    {
        if (!transfer.IsWriting)
        {
            memory.Stored(regions);
        }

        // Active stays on where the table goes on (Programming Interface for Bus Master IDE Controller 1.0, 3.1).
        _status = (byte)(isExact || !succeeded ? _status & ~Active : _status);
        transfer.Done(succeeded);
    }
}
