// The local APIC of the one processor (SDM vol. 3, chapter 11). The 8259As come through it where the guest wants them: past it in PIC mode, by LINT0 in
// virtual wire mode, by the I/O APIC (MultiProcessor Specification 1.4, 3.6.2).
using Runtime.Time;

namespace Runtime.Devices;

/// <summary>Registers of 32 bits, 16 bytes apart. Single-threaded like every device.</summary>
/// <param name="external">The 8259As.</param>
/// <param name="changed">Called when a register was written after which the processor has to look at interrupts and deadlines anew: the guest goes on
/// after an access to device memory without anybody looking.</param>
public sealed partial class LocalApic : IPortDevice, IInterruptSource, ITimedDevice
{
    public const uint Size = 0x1000;

    /// <summary>Integrated, six entries in the local vector table.</summary>
    public const uint Version = 0x5_0014;

    internal const int Spurious = 0xF0, Lint0 = 0x350, Lint1 = 0x360;

    private const int IdRegister = 0x20, VersionRegister = 0x30, TaskPriority = 0x80, ProcessorPriority = 0xA0, EndOfInterrupt = 0xB0, LogicalDestination = 0xD0,
        DestinationFormat = 0xE0, InService = 0x100, TriggerModes = 0x180, Requests = 0x200, Errors = 0x280, CommandLow = 0x300, CommandHigh = 0x310,
        LocalVectors = 0x320, TimerInitial = 0x380, TimerCurrent = 0x390, TimerDivide = 0x3E0;

    // Entries of the local vector table: timer, thermal, performance, LINT0, LINT1, error.
    private const int TimerEntry = 0, Lint0Entry = 3, Lint1Entry = 4, ErrorEntry = 5, Entries = 6;
    private const uint Masked = 1 << 16, Periodic = 1 << 17, DeliveryMode = 7 << 8, ExternalInterrupt = (uint)ApicDelivery.External << 8;
    private const uint Enabled = 1 << 8, IllegalVectorSent = 1 << 5, IllegalVectorReceived = 1 << 6;
    private const int FirstVector = 16;

    private readonly IInterruptSource _external;
    private readonly Action _changed;
    private readonly ApicVectors _requests = new(), _inService = new(), _levels = new();
    private readonly ApicTimer _timer;
    private readonly uint[] _entries = new uint[Entries];
    private uint _id, _taskPriority, _logicalDestination, _destinationFormat, _spurious, _commandLow, _commandHigh, _errors, _newErrors;
    private bool _isNonMaskablePending;

    public LocalApic(IClock clock, IInterruptSource external, Action changed)
    {
        (_external, _changed) = (external, changed);
        _timer = new ApicTimer(clock, () => Deliver(TimerEntry));
        Reset();
    }

    /// <summary>The I/O APIC that has to hear of what becomes of its interrupts; null for none.</summary>
    internal IoApic? Io { get; set; }

    /// <summary>IA32_APIC_BASE bit 11. While it is clear there is no APIC, and the 8259As drive the processor.</summary>
    internal bool IsPresent
    {
        get;
        set
        {
            if (value && !field)
            {
                Reset();
            }

            field = value;
        }
    } = true;

    public bool IsInterruptPending => PendingVector >= 0 || IsExternalPending;

    public long NextDeadline => _timer.NextDeadline;

    /// <summary>The interrupt mode configuration register, bit 0: the 8259As' INTR goes to LINT0 instead of to the processor.</summary>
    internal bool IsInPath { get; set; }

    /// <summary>An 8259A's interrupt, if it gets through; it has no priority among the APIC's own.</summary>
    private bool IsExternalPending => _external.IsInterruptPending
        && (!IsInPath || !IsPresent || (_entries[Lint0Entry] & (Masked | DeliveryMode)) == ExternalInterrupt || Io is { PassesExternal: true });

    /// <summary>The vector that the processor would take, or -1: one of a higher class than what is in service or shut out.</summary>
    private int PendingVector => IsPresent && _requests.Highest is var vector && vector >> 4 > Priority >> 4 ? vector : -1;

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
        Io?.Taken((byte)vector);
        return (byte)vector;
    }

    public bool TryTakeNonMaskable()
    {
        bool wasPending = _isNonMaskablePending;
        _isNonMaskablePending = false;
        return wasPending;
    }

    public void Advance(long now) => _timer.Advance(now);

    public int WidestAccess(int offset) => offset % 16 == 0 ? 4 : 1;

    /// <summary>Only accesses to a whole register mean anything.</summary>
    public uint Read(int offset, int size) => size < 4 ? 0 : offset switch
    {
        IdRegister => _id,
        VersionRegister => Version,
        TaskPriority => _taskPriority,
        ProcessorPriority => Priority,
        LogicalDestination => _logicalDestination,
        DestinationFormat => _destinationFormat,
        Spurious => _spurious,
        >= InService and < InService + 0x80 => _inService.Word((offset - InService) / 16),
        >= TriggerModes and < TriggerModes + 0x80 => _levels.Word((offset - TriggerModes) / 16),
        >= Requests and < Requests + 0x80 => _requests.Word((offset - Requests) / 16),
        Errors => _errors,
        CommandLow => _commandLow,
        CommandHigh => _commandHigh,
        >= LocalVectors and < LocalVectors + (16 * Entries) => _entries[(offset - LocalVectors) / 16],
        TimerInitial => _timer.Initial,
        TimerCurrent => _timer.Current,
        TimerDivide => _timer.DivideConfiguration,
        _ => 0,
    };

    public void Write(int offset, int size, uint value)
    {
        if (size < 4)
        {
            return;
        }

        (bool wasPending, long deadline) = (IsAnythingPending, NextDeadline);
        WriteRegister(offset, value);
        if ((IsAnythingPending && !wasPending) || NextDeadline != deadline)
        {
            _changed();
        }
    }

    private bool IsAnythingPending => _isNonMaskablePending || IsInterruptPending;

    private void WriteRegister(int offset, uint value)
    {
        switch (offset)
        {
            case IdRegister:
                _id = value & 0xFF00_0000;
                break;
            case TaskPriority:
                _taskPriority = value & 0xFF;
                break;
            case EndOfInterrupt:
                EndInterrupt();
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

    private void EndInterrupt()
    {
        int served = _inService.Highest;
        if (served < 0)
        {
            return;
        }

        _inService.Clear(served);
        if (_levels.Has(served))
        {
            Io?.Ended((byte)served);
        }
    }

    /// <summary>What power-on leaves, and disabling it by IA32_APIC_BASE (SDM vol. 3, 11.4.7.1).</summary>
    private void Reset()
    {
        _requests.ClearAll();
        _inService.ClearAll();
        _levels.ClearAll();
        Array.Fill(_entries, Masked);
        (_id, _taskPriority, _logicalDestination, _commandLow, _commandHigh, _errors, _newErrors) = (0, 0, 0, 0, 0, 0, 0);
        (_destinationFormat, _spurious, _isNonMaskablePending) = (uint.MaxValue, 0xFF, false);
        _timer.Reset();
    }
}
