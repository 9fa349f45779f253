// One ATA hard disk: executes commands from the task file that its channel holds. The protocol of the data port is here, the decoding of
// ports and the interrupt line in IdeChannel.
namespace Runtime.Devices;

/// <summary>An ATA drive. PIO commands complete before the write of the command register returns, DMA and flushes later.</summary>
/// <param name="interrupt">Called when the drive asserts INTRQ.</param>
internal sealed partial class IdeDrive(DiskImage image, int number, IdeRegisters registers, IdeBusMaster busMaster, IDeviceTrace trace, Action interrupt)
{
    private readonly byte[] _buffer = new byte[IdeIdentity.MaximumMultiple * DiskImage.SectorSize];
    private IdeGeometry _geometry = IdeGeometry.ForSize(image.SectorCount);
    private int _position;
    private int _blockLength;
    private long _sector;
    private int _sectorsLeft;
    private int _blockSectors = 1;
    private int _multiple;
    private bool _is48Bit;
    private bool _isWriting;
    private bool _writeCache = true;

    public IdeStatus Status { get; private set; } = IdeStatus.Idle;

    public IdeError Error { get; private set; } = IdeError.DiagnosticPassed;

    /// <summary>After power-on, software reset and EXECUTE DEVICE DIAGNOSTIC.</summary>
    public void Reset()
    {
        Status = IdeStatus.Idle;
        Error = IdeError.DiagnosticPassed;
        _multiple = 0;
        _position = _blockLength = 0;
    }

    public void Execute(byte command)
    {
        Status = IdeStatus.Idle;
        Error = IdeError.None;
        _position = _blockLength = 0;
        switch (command)
        {
            case 0x20 or 0x21 or 0x24: // READ SECTOR(S) (EXT)
                StartRead(is48Bit: command == 0x24, blockSectors: 1);
                break;
            case 0xC4 or 0x29: // READ MULTIPLE (EXT)
                StartRead(is48Bit: command == 0x29, _multiple);
                break;
            case 0x30 or 0x31 or 0x34 or 0x3C: // WRITE SECTOR(S) (EXT), WRITE VERIFY
                StartWrite(is48Bit: command == 0x34, blockSectors: 1);
                break;
            case 0xC5 or 0x39: // WRITE MULTIPLE (EXT)
                StartWrite(is48Bit: command == 0x39, _multiple);
                break;
            case 0xC8 or 0xC9 or 0x25: // READ DMA (EXT)
                StartDma(is48Bit: command == 0x25, isWriting: false);
                break;
            case 0xCA or 0xCB or 0x35 or 0x3D: // WRITE DMA (EXT), with FUA
                StartDma(is48Bit: command is 0x35 or 0x3D, isWriting: true, isForced: command == 0x3D);
                break;
            case 0x40 or 0x41 or 0x42: // READ VERIFY SECTOR(S) (EXT)
                Verify(is48Bit: command == 0x42);
                break;
            case >= 0x10 and <= 0x1F or 0x70: // RECALIBRATE, SEEK
            case 0xE0 or 0xE1 or 0xE2 or 0xE3 or 0xE6 or >= 0x94 and <= 0x97 or 0x99: // power management
                Finish();
                break;
            case 0xE5 or 0x98: // CHECK POWER MODE: active
                registers.SectorCount.Current = 0xFF;
                Finish();
                break;
            case 0x91: // INITIALIZE DEVICE PARAMETERS
                InitializeGeometry();
                break;
            case 0xC6: // SET MULTIPLE MODE
                SetMultiple(registers.SectorCount.Current);
                break;
            case 0xE7 or 0xEA: // FLUSH CACHE (EXT)
                Flush();
                break;
            case 0xEC: // IDENTIFY DEVICE
                Identify();
                break;
            case 0xEF: // SET FEATURES
                SetFeatures(registers.Features);
                break;
            case 0xF8 or 0x27: // READ NATIVE MAX ADDRESS (EXT)
                registers.SetSector(image.SectorCount - 1, is48Bit: command == 0x27, _geometry);
                Finish();
                break;
            case 0x00 or 0x08 or 0xA0 or 0xA1: // NOP aborts by definition; the others are a packet device's
                Abort();
                break;
            default:
                trace.UnknownWrite("IDE command", 7, 1, command);
                Abort();
                break;
        }
    }

    /// <summary>A read of the data port; zeros while no data is requested.</summary>
    public uint ReadData(int size)
    {
        uint value = 0;
        for (int i = 0; i < size; i++)
        {
            value |= (uint)(!_isWriting && _position < _blockLength ? _buffer[_position++] : 0) << 8 * i;
        }

        if (!_isWriting && _position == _blockLength && Status.HasFlag(IdeStatus.DataRequest))
        {
            ContinueRead();
        }

        return value;
    }

    /// <summary>A write to the data port; lost while no data is requested.</summary>
    public void WriteData(int size, uint value)
    {
        for (int i = 0; i < size && _isWriting && _position < _blockLength; i++)
        {
            _buffer[_position++] = (byte)(value >> 8 * i);
        }

        if (_isWriting && _position == _blockLength && Status.HasFlag(IdeStatus.DataRequest))
        {
            CommitBlock();
        }
    }

    private void StartRead(bool is48Bit, int blockSectors)
    {
        if (TryStart(is48Bit, blockSectors, isWriting: false))
        {
            ContinueRead();
        }
    }

    private void StartWrite(bool is48Bit, int blockSectors)
    {
        if (image.IsReadOnly)
        {
            Abort();
        }
        else if (TryStart(is48Bit, blockSectors, isWriting: true))
        {
            RequestBlock(); // the first block of a write comes without an interrupt (ATA/ATAPI-6, 9.6)
        }
    }

    private bool TryStart(bool is48Bit, int blockSectors, bool isWriting)
    {
        long sector = registers.Sector(is48Bit, _geometry);
        int count = registers.RequestedSectors(is48Bit);
        if (blockSectors == 0 || sector < 0 || sector > image.SectorCount - count)
        {
            Abort();
            return false;
        }

        _is48Bit = is48Bit;
        _isWriting = isWriting;
        _blockSectors = blockSectors;
        _sector = sector;
        _sectorsLeft = count;
        return true;
    }

    /// <summary>Fills the buffer with the next block, or ends the command, which for a read is without an interrupt.</summary>
    private void ContinueRead()
    {
        if (_sectorsLeft == 0)
        {
            Status = IdeStatus.Idle;
            return;
        }

        RequestBlock();
        Guard(() => image.Read(_sector, _buffer.AsSpan(0, _blockLength)), () =>
        {
            Retire();
            interrupt();
        });
    }

    private void CommitBlock()
    {
        Guard(() => image.Write(_sector, _buffer.AsSpan(0, _blockLength)), () =>
        {
            Retire();
            if (_sectorsLeft > 0)
            {
                RequestBlock();
            }
            else
            {
                Status = IdeStatus.Idle;
            }

            interrupt();
        });
    }

    private void RequestBlock()
    {
        _position = 0;
        _blockLength = Math.Min(_blockSectors, _sectorsLeft) * DiskImage.SectorSize;
        Status = IdeStatus.Idle | IdeStatus.DataRequest;
    }

    /// <summary>Moves the task file past the block just transferred.</summary>
    private void Retire()
    {
        int sectors = _blockLength / DiskImage.SectorSize;
        _sector += sectors;
        _sectorsLeft -= sectors;
        registers.SectorCount.Current = (byte)_sectorsLeft;
        registers.SectorCount.Previous = (byte)(_sectorsLeft >> 8);
        registers.SetSector(_sector, _is48Bit, _geometry);
    }

    private void Verify(bool is48Bit)
    {
        if (TryStart(is48Bit, blockSectors: 1, isWriting: false))
        {
            Finish();
        }
    }

    private void InitializeGeometry()
    {
        int heads = (registers.Device & 0xF) + 1;
        int sectors = registers.SectorCount.Current;
        if (sectors == 0)
        {
            Abort();
            return;
        }

        _geometry = new IdeGeometry((int)Math.Clamp(image.SectorCount / (heads * sectors), 1, 65_535), heads, sectors);
        Finish();
    }

    private void SetMultiple(int sectors)
    {
        if (sectors > IdeIdentity.MaximumMultiple || (sectors & sectors - 1) != 0)
        {
            Abort();
            return;
        }

        _multiple = sectors;
        Finish();
    }

    private void Identify()
    {
        IdeIdentity.Write(_buffer.AsSpan(0, DiskImage.SectorSize), number, image.SectorCount, _geometry, new IdeSettings(_multiple, _writeCache, _multiwordMode, _ultraMode));
        _isWriting = false;
        _sectorsLeft = 0;
        _position = 0;
        _blockLength = DiskImage.SectorSize;
        Status = IdeStatus.Idle | IdeStatus.DataRequest;
        interrupt();
    }

    private void SetFeatures(byte feature)
    {
        switch (feature)
        {
            case 0x02 or 0x82: // write cache on, off
                _writeCache = feature == 0x02;
                Finish();
                break;
            case 0x03:
                SetTransferMode(registers.SectorCount.Current);
                break;
            case 0x05 or 0x42 or 0x55 or 0x66 or 0x67 or 0x69 or 0x85 or 0x9A or 0xAA or 0xC2 or 0xCC:
                Finish();
                break;
            default:
                Abort();
                break;
        }
    }

    private void Finish()
    {
        Status = IdeStatus.Idle;
        interrupt();
    }

    private void Abort() => Fail(IdeError.Aborted);

    private void Fail(IdeError error)
    {
        Status = IdeStatus.Ready | IdeStatus.Error;
        Error = error;
        _sectorsLeft = 0;
        _position = _blockLength = 0;
        interrupt();
    }

    /// <summary>A host that cannot read or write is a medium that cannot.</summary>
    private void Guard(Action access, Action done)
    {
        try
        {
            access();
        }
        catch (IOException)
        {
            Fail(IdeError.Uncorrectable);
            return;
        }

        done();
    }
}
