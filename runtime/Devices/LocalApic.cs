// The local APIC of the one processor (SDM vol. 3, chapter 11). Until the guest asks for it the 8259As drive the processor past it: PIC mode, with
// which kernels get along that find no I/O APIC. Kernels want one before they use a hypervisor's timers; afterwards they interrupt themselves with it.
using Runtime.Time;

namespace Runtime.Devices;

/// <summary>Registers of 32 bits, 16 bytes apart. Single-threaded like every device.</summary>
/// <param name="external">The 8259As.</param>
/// <param name="changed">Called when a register was written after which the processor has to look at interrupts and deadlines anew: the guest goes on
/// after an access to device memory without anybody looking.</param>
public sealed class LocalApic : IPortDevice, IInterruptSource, ITimedDevice
{
    public const uint Size = 0x1000;

    /// <summary>Integrated, six entries in the local vector table.</summary>
    public const uint Version = 0x5_0014;

    private const int Id = 0x20, VersionRegister = 0x30, TaskPriority = 0x80, ProcessorPriority = 0xA0, EndOfInterrupt = 0xB0, LogicalDestination = 0xD0,
        DestinationFormat = 0xE0, Spurious = 0xF0, InService = 0x100, Requests = 0x200, Errors = 0x280, CommandLow = 0x300, CommandHigh = 0x310,
        LocalVectors = 0x320, TimerInitial = 0x380, TimerCurrent = 0x390, TimerDivide = 0x3E0;

    // Entries of the local vector table: timer, thermal, performance, LINT0, LINT1, error.
    private const int TimerEntry = 0, Lint0Entry = 3, Lint1Entry = 4, ErrorEntry = 5, Entries = 6;
    private const uint Masked = 1 << 16, Periodic = 1 << 17, DeliveryMode = 7 << 8, Fixed = 0, ExternalInterrupt = 7 << 8;
    private const uint Enabled = 1 << 8, IllegalVectorSent = 1 << 5;
    private const int FirstVector = 16;

    private readonly IInterruptSource _external;
    private readonly Action _changed;
    private readonly ApicVectors _requests = new(), _inService = new();
    private readonly ApicTimer _timer;
    private readonly uint[] _entries = [Masked, Masked, Masked, Masked, Masked, Masked];
    private uint _taskPriority, _logicalDestination, _commandLow, _commandHigh, _errors, _newErrors;
    private uint _destinationFormat = uint.MaxValue;
    private uint _spurious = 0xFF;

    public LocalApic(IClock clock, IInterruptSource external, Action changed)
    {
        (_external, _changed) = (external, changed);
        _timer = new ApicTimer(clock, () => Deliver(TimerEntry));
    }

    public bool IsInterruptPending => PendingVector >= 0 || IsExternalPending;

    public long NextDeadline => _timer.NextDeadline;

    /// <summary>The interrupt mode configuration register, bit 0: the 8259As' INTR goes to LINT0 instead of to the processor.</summary>
    internal bool IsInPath { get; set; }

    /// <summary>An 8259A's interrupt, if it gets through; it has no priority among the APIC's own.</summary>
    private bool IsExternalPending => _external.IsInterruptPending && (!IsInPath || (_entries[Lint0Entry] & (Masked | DeliveryMode)) == ExternalInterrupt);

    /// <summary>The vector that the processor would take, or -1: one of a higher class than what is in service or shut out.</summary>
    private int PendingVector => _requests.Highest is var vector && vector >> 4 > Priority >> 4 ? vector : -1;

    /// <summary>SDM vol. 3, 11.8.3.1.</summary>
    private uint Priority
    {
        get
        {
            uint service = (uint)Math.Max(0, _inService.Highest);
            return _taskPriority >> 4 >= service >> 4 ? _taskPriority : service & 0xF0;
        }
    }

    public byte Acknowledge()
    {
        if (IsExternalPending)
        {
            return _external.Acknowledge();
        }

        int vector = PendingVector;
        if (vector < 0)
        {
            return (byte)_spurious;
        }

        _requests.Clear(vector);
        _inService.Set(vector);
        return (byte)vector;
    }

    public void Advance(long now) => _timer.Advance(now);

    public int WidestAccess(int offset) => offset % 16 == 0 ? 4 : 1;

    /// <summary>Only accesses to a whole register mean anything.</summary>
    public uint Read(int offset, int size) => size < 4 ? 0 : offset switch
    {
        VersionRegister => Version,
        TaskPriority => _taskPriority,
        ProcessorPriority => Priority,
        LogicalDestination => _logicalDestination,
        DestinationFormat => _destinationFormat,
        Spurious => _spurious,
        >= InService and < InService + 0x80 => _inService.Word((offset - InService) / 16),
        >= Requests and < Requests + 0x80 => _requests.Word((offset - Requests) / 16),
        Errors => _errors,
        CommandLow => _commandLow,
        CommandHigh => _commandHigh,
        >= LocalVectors and < LocalVectors + (16 * Entries) => _entries[(offset - LocalVectors) / 16],
        TimerInitial => _timer.Initial,
        TimerCurrent => _timer.Current,
        TimerDivide => _timer.DivideConfiguration,
        _ => 0, // the identifier, which stays 0; no interrupt here is level-triggered (TMR); the rest is reserved
    };

    public void Write(int offset, int size, uint value)
    {
        if (size < 4)
        {
            return;
        }

        (bool wasPending, long deadline) = (IsInterruptPending, NextDeadline);
        WriteRegister(offset, value);
        if ((IsInterruptPending && !wasPending) || NextDeadline != deadline)
        {
            _changed();
        }
    }

    private void WriteRegister(int offset, uint value)
    {
        switch (offset)
        {
            case TaskPriority:
                _taskPriority = value & 0xFF;
                break;
            case EndOfInterrupt:
                if (_inService.Highest is var served and >= 0)
                {
                    _inService.Clear(served);
                }

                break;
            case LogicalDestination:
                _logicalDestination = value & 0xFF00_0000;
                break;
            case DestinationFormat:
                _destinationFormat = value | 0x0FFF_FFFF;
                break;
            case Spurious:
                _spurious = value & 0x1FF;
                MaskWhileDisabled();
                break;
            case Errors:
                (_errors, _newErrors) = (_newErrors, 0);
                break;
            case CommandLow:
                _commandLow = value & 0xC_CFFF;
                Send();
                break;
            case CommandHigh:
                _commandHigh = value & 0xFF00_0000;
                break;
            case >= LocalVectors and < LocalVectors + (16 * Entries):
                WriteEntry((offset - LocalVectors) / 16, value);
                break;
            case TimerInitial:
                _timer.Initial = value;
                break;
            case TimerDivide:
                _timer.DivideConfiguration = value;
                break;
        }
    }

    private void WriteEntry(int entry, uint value)
    {
        uint settable = 0xFF | Masked | (entry == TimerEntry ? Periodic : entry == ErrorEntry ? 0 : DeliveryMode) | (entry is Lint0Entry or Lint1Entry ? 0xA000u : 0);
        _entries[entry] = value & settable;
        _timer.IsPeriodic = (_entries[TimerEntry] & Periodic) != 0;
        MaskWhileDisabled();
    }

    /// <summary>SDM vol. 3, 11.4.7.2: the mask bits are set, and stay so, while the APIC is disabled by software.</summary>
    private void MaskWhileDisabled()
    {
        if ((_spurious & Enabled) == 0)
        {
            for (int i = 0; i < Entries; i++)
            {
                _entries[i] |= Masked;
            }
        }
    }

    /// <summary>An interprocessor interrupt; there is nobody to send one to but the processor itself.</summary>
    private void Send()
    {
        const uint lowestPriority = 1 << 8, logical = 1 << 11;
        uint mode = _commandLow & DeliveryMode, destination = _commandHigh >> 24;
        bool isForSelf = (_commandLow >> 18) switch
        {
            0 when (_commandLow & logical) != 0 => (destination & _logicalDestination >> 24) != 0,
            0 => destination is 0 or 0xFF,
            1 or 2 => true, // itself; all including itself
            _ => false,
        };
        if (isForSelf && mode is Fixed or lowestPriority)
        {
            Request((int)(_commandLow & 0xFF));
        }
    }

    private void Deliver(int entry)
    {
        if ((_entries[entry] & Masked) == 0)
        {
            Request((int)(_entries[entry] & 0xFF));
        }
    }

    private void Request(int vector)
    {
        if (vector >= FirstVector)
        {
            _requests.Set(vector);
            return;
        }

        _newErrors |= IllegalVectorSent;
        if ((_entries[ErrorEntry] & 0xFF) >= FirstVector)
        {
            Deliver(ErrorEntry);
        }
    }
}
