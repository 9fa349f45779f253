// An IDE cable: two places for drives, one task file, one interrupt line.
namespace Runtime.Devices;

/// <summary>A primary or secondary ATA channel. <see cref="CommandBlock"/> has eight ports, <see cref="ControlBlock"/> one.</summary>
internal sealed class IdeChannel
{
    private const byte DisableInterrupts = 2, SoftwareReset = 4;
    private const int Data = 0, Error = 1, SectorCount = 2, LbaLow = 3, LbaMid = 4, LbaHigh = 5, Device = 6, Status = 7;
    private const byte ExecuteDiagnostic = 0x90;

    private readonly InterruptLine _line;
    private readonly IdeBusMaster _busMaster;
    private readonly IdeRegisters _registers = new();
    private readonly IdeDrive?[] _drives;
    private bool _isInterrupting;
    private byte _control;

    /// <param name="images">Drive 0 and drive 1; null where there is none.</param>
    /// <param name="firstNumber">Number of drive 0 among the machine's disks, from 1.</param>
    public IdeChannel(DiskImage?[] images, int firstNumber, InterruptLine line, IdeBusMaster busMaster, IDeviceTrace trace)
    {
        _busMaster = busMaster;
        _line = line;
        _drives = new IdeDrive?[2];
        for (int i = 0; i < images.Length && i < _drives.Length; i++)
        {
            _drives[i] = images[i] is DiskImage image ? new IdeDrive(image, firstNumber + i, _registers, busMaster, trace, Interrupt) : null;
        }

        _registers.SetSignature();
        CommandBlock = new CommandPorts(this);
        ControlBlock = new ControlPorts(this);
    }

    public IPortDevice CommandBlock { get; }

    public IPortDevice ControlBlock { get; }

    /// <summary>Takes the drives off the cable.</summary>
    public void Unplug() => Array.Clear(_drives);

    private IdeDrive? Selected => _drives[_registers.SelectedDrive];

    private bool IsEmpty => _drives[0] is null && _drives[1] is null;

    private bool IsResetting => (_control & SoftwareReset) != 0;

    /// <summary>A drive that does not exist shows a status of 0, as a present drive 0 answers for it (ATA/ATAPI-6, 9.16.1), and as QEMU.</summary>
    private byte CurrentStatus => Selected is null ? (byte)0 : IsResetting ? (byte)IdeStatus.Busy : (byte)Selected.Status;

    /// <summary>Drives do not take turns: one command is in progress on a cable.</summary>
    private bool IsBusy => _drives[0] is { IsBusy: true } || _drives[1] is { IsBusy: true };

    private void Interrupt()
    {
        _busMaster.NoteInterrupt();
        _isInterrupting = true;
        UpdateLine();
    }

    private void UpdateLine() => _line.Set(_isInterrupting && (_control & DisableInterrupts) == 0);

    private uint ReadCommandBlock(int offset, int size)
    {
        bool isHigh = (_control & 0x80) != 0; // HOB: read what was written before the last
        switch (offset)
        {
            case Data:
                return size == 1 ? 0xFF : Selected?.ReadData(size) ?? uint.MaxValue >> 32 - 8 * size;
            case Status:
                byte status = CurrentStatus;
                _isInterrupting = false;
                UpdateLine();
                return status;
            case Error:
                return (uint)(Selected?.Error ?? 0);
            case var _ when IsEmpty:
                return 0;
            case SectorCount:
                return Choose(_registers.SectorCount, isHigh);
            case LbaLow:
                return Choose(_registers.LbaLow, isHigh);
            case LbaMid:
                return Choose(_registers.LbaMid, isHigh);
            case LbaHigh:
                return Choose(_registers.LbaHigh, isHigh);
            default:
                return _registers.Device;
        }
    }

    private static byte Choose(IdeDoubleRegister register, bool isHigh) => isHigh ? register.Previous : register.Current;

    private void WriteCommandBlock(int offset, int size, uint value)
    {
        if (offset == Data)
        {
            Selected?.WriteData(size == 1 ? 0 : size, value);
            return;
        }

        _control &= 0x7F; // any write to the command block clears HOB
        byte written = (byte)value;
        switch (offset)
        {
            case Error:
                _registers.Features = written;
                break;
            case SectorCount:
                _registers.SectorCount.Push(written);
                break;
            case LbaLow:
                _registers.LbaLow.Push(written);
                break;
            case LbaMid:
                _registers.LbaMid.Push(written);
                break;
            case LbaHigh:
                _registers.LbaHigh.Push(written);
                break;
            case Device:
                _registers.Device = (byte)(written | 0xA0); // obsolete bits read as ones
                break;
            default:
                Execute(written);
                break;
        }
    }

    private void Execute(byte command)
    {
        if (IsResetting || IsBusy)
        {
            return;
        }

        _isInterrupting = false;
        UpdateLine();
        if (command == ExecuteDiagnostic)
        {
            ResetDrives();
            if (!IsEmpty)
            {
                Interrupt();
            }
        }
        else
        {
            Selected?.Execute(command);
        }
    }

    private void WriteControl(byte value)
    {
        bool wasResetting = IsResetting;
        _control = value;
        if (IsResetting && !wasResetting)
        {
            _isInterrupting = false;
            _busMaster.Reset();
        }
        else if (wasResetting && !IsResetting)
        {
            ResetDrives();
        }

        UpdateLine();
    }

    private void ResetDrives()
    {
        _registers.SetSignature();
        foreach (IdeDrive? drive in _drives)
        {
            drive?.Reset();
        }
    }

    private sealed class CommandPorts(IdeChannel channel) : IPortDevice
    {
        public int WidestAccess(int offset) => offset == Data ? 4 : 1;

        public uint Read(int offset, int size) => channel.ReadCommandBlock(offset, size);

        public void Write(int offset, int size, uint value) => channel.WriteCommandBlock(offset, size, value);
    }

    private sealed class ControlPorts(IdeChannel channel) : IPortDevice
    {
        public uint Read(int offset, int size) => channel.CurrentStatus;

        public void Write(int offset, int size, uint value) => channel.WriteControl((byte)value);
    }
}
