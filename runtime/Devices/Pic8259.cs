// One 8259A interrupt controller. Two of them make the PC's pair: Pic8259Pair.
namespace Runtime.Devices;

/// <summary>An 8259A: eight inputs, fixed or rotating priority. Registers: offset 0 (A0 low) and 1 (A0 high).</summary>
/// <param name="name">For the trace.</param>
/// <param name="cascadeInput">The input that a slave is wired to, or -1 on a slave.</param>
/// <param name="outputChanged">Called with the new level of INT.</param>
public sealed class Pic8259(string name, int cascadeInput, Action<bool> outputChanged, IDeviceTrace trace) : IPortDevice, IInterruptInputs
{
    private enum Expects
    {
        Operation,
        Icw2,
        Icw3,
        Icw4,
    }

    private byte _lines;
    private byte _requests;
    private byte _inService;
    private byte _mask;
    private byte _vectorBase;
    private byte _levelTriggered;
    private int _lowestPriority = 7;
    private bool _allLevelTriggered;
    private bool _readsInService;
    private bool _polled;
    private bool _specialMask;
    private bool _specialFullyNested;
    private bool _autoEoi;
    private bool _rotateOnAutoEoi;
    private bool _wantsIcw4;
    private bool _isSingle;
    private bool _output;
    private Expects _expects;

    /// <summary>The register of the edge/level control pair, ports 4D0h and 4D1h (82371AB data sheet, ELCR1 and ELCR2).</summary>
    /// <param name="settable">Inputs that may be level-triggered.</param>
    public IPortDevice EdgeLevelControl(byte settable) => new EdgeLevelRegister(this, settable);

    public void SetLevel(int input, bool isHigh)
    {
        byte bit = (byte)(1 << input);
        bool wasHigh = (_lines & bit) != 0;
        _lines = (byte)(isHigh ? _lines | bit : _lines & ~bit);
        if (IsLevel(bit))
        {
            _requests = (byte)(isHigh ? _requests | bit : _requests & ~bit);
        }
        else if (isHigh && !wasHigh)
        {
            // The request stays latched when the line falls again before INTA, as in QEMU; a real chip would answer with its spurious vector.
            _requests |= bit;
        }

        UpdateOutput();
    }

    /// <summary>OCW1, the interrupt mask register.</summary>
    public byte Mask => _mask;

    /// <summary>No request waits, masked or not, and neither an initialization nor a poll is under way: until the next request, masks and ends
    /// of interrupts have no effect that anyone could see.</summary>
    public bool IsQuiet => _requests == 0 && _expects == Expects.Operation && !_polled;

    /// <summary>The input that INTA would acknowledge, or -1 when INT is low.</summary>
    public int PendingInput()
    {
        int priority = HighestPriority((byte)(_requests & ~_mask));
        if (priority == 8)
        {
            return -1;
        }

        int blocking = _inService;
        if (_specialMask)
        {
            blocking &= ~_mask;
        }

        if (_specialFullyNested && cascadeInput >= 0)
        {
            // 8259A special fully nested mode: the slave may interrupt itself with a higher request.
            blocking &= ~(1 << cascadeInput);
        }

        return priority < HighestPriority((byte)blocking) ? InputOf(priority) : -1;
    }

    /// <summary>First INTA pulse: the input enters service. With none pending, the spurious input 7, which does not (8259A, "default IR7").</summary>
    public int Acknowledge()
    {
        int input = PendingInput();
        if (input < 0)
        {
            return 7;
        }

        byte bit = (byte)(1 << input);
        if (!_autoEoi)
        {
            _inService |= bit;
        }
        else if (_rotateOnAutoEoi)
        {
            _lowestPriority = input;
        }

        if (!IsLevel(bit))
        {
            _requests &= (byte)~bit;
        }

        // INT falls during INTA, so that what is still pending makes a new edge at the master.
        SetOutput(false);
        UpdateOutput();
        return input;
    }

    public byte VectorOf(int input) => (byte)(_vectorBase | input);

    public uint Read(int offset, int size)
    {
        if (_polled)
        {
            // OCW3 poll: the read stands for INTA.
            _polled = false;
            return PendingInput() < 0 ? 0 : 0x80u | (uint)Acknowledge();
        }

        return offset == 1 ? _mask : _readsInService ? _inService : _requests;
    }

    public void Write(int offset, int size, uint value)
    {
        if (offset == 0)
        {
            WriteCommand((byte)value);
        }
        else
        {
            WriteData((byte)value);
        }

        UpdateOutput();
    }

    private void WriteCommand(byte value)
    {
        if ((value & 0x10) != 0)
        {
            Initialize(value);
        }
        else if ((value & 0x08) != 0)
        {
            // 8259A OCW3
            _polled = (value & 4) != 0;
            _readsInService = (value & 2) != 0 ? (value & 1) != 0 : _readsInService;
            _specialMask = (value & 0x40) != 0 ? (value & 0x20) != 0 : _specialMask;
        }
        else
        {
            EndInterrupt(value);
        }
    }

    /// <summary>8259A ICW1: everything but the wiring is reset; edges seen before it are forgotten.</summary>
    private void Initialize(byte icw1)
    {
        _wantsIcw4 = (icw1 & 1) != 0;
        _isSingle = (icw1 & 2) != 0;
        _allLevelTriggered = (icw1 & 8) != 0;
        _mask = 0;
        _inService = 0;
        _requests = (byte)(_lines & (_allLevelTriggered ? 0xFF : _levelTriggered));
        _lowestPriority = 7;
        _readsInService = _polled = _specialMask = _specialFullyNested = _autoEoi = _rotateOnAutoEoi = false;
        _expects = Expects.Icw2;
    }

    private void WriteData(byte value)
    {
        Expects afterIcw3 = _wantsIcw4 ? Expects.Icw4 : Expects.Operation;
        switch (_expects)
        {
            case Expects.Icw2:
                _vectorBase = (byte)(value & 0xF8);
                _expects = _isSingle ? afterIcw3 : Expects.Icw3;
                break;
            case Expects.Icw3:
                // The wiring is the machine's, whatever the guest says of it.
                _expects = afterIcw3;
                break;
            case Expects.Icw4:
                _autoEoi = (value & 2) != 0;
                _specialFullyNested = (value & 0x10) != 0;
                if ((value & 1) == 0)
                {
                    trace.UnknownWrite(name + " (ICW4 asks for MCS-80 mode)", 1, 1, value);
                }

                _expects = Expects.Operation;
                break;
            default:
                // 8259A OCW1
                _mask = value;
                break;
        }
    }

    /// <summary>8259A OCW2: bits 7-5 are rotate, specific, end of interrupt.</summary>
    private void EndInterrupt(byte ocw2)
    {
        bool rotates = (ocw2 & 0x80) != 0;
        bool isSpecific = (ocw2 & 0x40) != 0;
        bool isEnd = (ocw2 & 0x20) != 0;
        if (isSpecific)
        {
            if (isEnd)
            {
                _inService &= (byte)~(1 << (ocw2 & 7));
            }

            _lowestPriority = rotates ? ocw2 & 7 : _lowestPriority;
        }
        else if (!isEnd)
        {
            _rotateOnAutoEoi = rotates;
        }
        else
        {
            // In special mask mode the non-specific EOI leaves masked inputs in service.
            int priority = HighestPriority((byte)(_specialMask ? _inService & ~_mask : _inService));
            if (priority < 8)
            {
                int input = InputOf(priority);
                _inService &= (byte)~(1 << input);
                _lowestPriority = rotates ? input : _lowestPriority;
            }
        }
    }

    private bool IsLevel(byte bit) => _allLevelTriggered || (_levelTriggered & bit) != 0;

    private int InputOf(int priority) => priority + _lowestPriority + 1 & 7;

    /// <summary>0 (highest) to 7 of the first input set, 8 if there is none.</summary>
    private int HighestPriority(byte inputs)
    {
        int priority = 0;
        while (priority < 8 && (inputs & 1 << InputOf(priority)) == 0)
        {
            priority++;
        }

        return priority;
    }

    private void UpdateOutput() => SetOutput(PendingInput() >= 0);

    private void SetOutput(bool output)
    {
        if (output != _output)
        {
            _output = output;
            outputChanged(output);
        }
    }

    private sealed class EdgeLevelRegister(Pic8259 pic, byte settable) : IPortDevice
    {
        public uint Read(int offset, int size) => pic._levelTriggered;

        public void Write(int offset, int size, uint value)
        {
            pic._levelTriggered = (byte)(value & settable);
            pic._requests |= (byte)(pic._lines & pic._levelTriggered);
            pic.UpdateOutput();
        }
    }
}
