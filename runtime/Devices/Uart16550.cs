// The serial port. Bytes leave at once, so that the transmitter is always empty; bytes arrive when the receiver has room.
using Runtime.Time;

namespace Runtime.Devices;

/// <summary>A 16550A. Registers: offsets 0-7 as in the PC16550D data sheet, table II.</summary>
public sealed class Uart16550(InterruptLine line, ISerialEndpoint endpoint) : IPortDevice, ITimedDevice
{
    private const byte InterruptReceived = 1, InterruptTransmitterEmpty = 2, InterruptLineStatus = 4, InterruptModemStatus = 8;
    private const byte DivisorLatchAccess = 0x80;
    private const byte Ready = 0x01, RequestToSend = 0x02, Loopback = 0x10; // DTR, RTS
    private const byte DataReady = 0x01, Overrun = 0x02, LineErrors = 0x1E, TransmitterEmpty = 0x60;
    private const byte PeerReady = 0xB0; // DCD, DSR and CTS: somebody is listening
    private const int FifoLength = 16;

    private readonly Queue<byte> _received = new();
    private byte _interruptEnable;
    private byte _lineControl;
    private byte _modemControl;
    private byte _lineErrors;
    private byte _modemDelta;
    private byte _scratch;
    private ushort _divisor = 12; // 9600 baud
    private byte _lastReceived;
    private int _trigger = 1;
    private bool _fifoEnabled;
    private bool _transmitterEmptyPending;
    private bool _isPolled;
    private bool _lastReadStatus;

    private int Capacity => _fifoEnabled ? FifoLength : 1;

    private bool IsLoopback => (_modemControl & Loopback) != 0;

    /// <summary>Whether the guest waits for input: by interrupt, or by looking at the line status again and again. What is piped in from the
    /// start stays outside until then, since drivers empty the receiver while they set the port up. Linux also does so after it has enabled
    /// the interrupt, with DTR on and RTS, by which EIA-232 has the peer wait, still off. Who uses neither is sent to.</summary>
    private bool IsListening => ((_interruptEnable & InterruptReceived) != 0 || _isPolled) && (_modemControl & (Ready | RequestToSend)) != Ready;

    private bool SelectsDivisor => (_lineControl & DivisorLatchAccess) != 0;

    /// <summary>Due at once when bytes have arrived, else never.</summary>
    public long NextDeadline => endpoint.HasArrived ? 0 : DeadlineQueue.Never;

    public void Advance(long now)
    {
        endpoint.AcknowledgeArrival();
        Receive();
    }

    public uint Read(int offset, int size)
    {
        if (offset == 5 && _lastReadStatus && !_isPolled)
        {
            _isPolled = true;
            Receive();
        }

        _lastReadStatus = offset == 5;
        switch (offset)
        {
            case 0 when SelectsDivisor:
                return (byte)_divisor;
            case 1 when SelectsDivisor:
                return (byte)(_divisor >> 8);
            case 0:
                return ReadReceiverBuffer();
            case 1:
                return _interruptEnable;
            case 2:
                return ReadInterruptIdentification();
            case 3:
                return _lineControl;
            case 4:
                return _modemControl;
            case 5:
                byte status = (byte)(TransmitterEmpty | _lineErrors | (_received.Count > 0 ? DataReady : 0));
                _lineErrors = 0;
                UpdateLine();
                return status;
            case 6:
                byte modem = (byte)(ModemLines() | _modemDelta);
                _modemDelta = 0;
                UpdateLine();
                return modem;
            default:
                return _scratch;
        }
    }

    public void Write(int offset, int size, uint value)
    {
        byte written = (byte)value;
        _lastReadStatus = false;
        switch (offset)
        {
            case 0 when SelectsDivisor:
                _divisor = (ushort)(_divisor & 0xFF00 | written);
                break;
            case 1 when SelectsDivisor:
                _divisor = (ushort)(_divisor & 0x00FF | written << 8);
                break;
            case 0:
                Transmit(written);
                break;
            case 1:
                // Enabling the transmitter interrupt while the transmitter is empty raises it.
                _transmitterEmptyPending |= (written & ~_interruptEnable & InterruptTransmitterEmpty) != 0;
                _interruptEnable = (byte)(written & 0x0F);
                _isPolled = false;
                break;
            case 2:
                WriteFifoControl(written);
                break;
            case 3:
                _lineControl = written;
                break;
            case 4:
                WriteModemControl(written);
                break;
            case 7:
                _scratch = written;
                break;
            default:
                break; // line and modem status: factory test only
        }

        Receive();
    }

    /// <summary>Takes what has arrived at the endpoint, as far as there is room.</summary>
    private void Receive()
    {
        while (IsListening && !IsLoopback && _received.Count < Capacity && endpoint.TryReceive(out byte value))
        {
            _received.Enqueue(value);
        }

        UpdateLine();
    }

    private byte ReadReceiverBuffer()
    {
        if (_received.TryDequeue(out byte value))
        {
            _lastReceived = value;
        }

        Receive();
        return _lastReceived;
    }

    /// <summary>PC16550D table IV: receiver line status, received data, character timeout, transmitter empty, modem status.</summary>
    private byte ReadInterruptIdentification()
    {
        byte source = HighestInterrupt();
        if (source == 0x02)
        {
            // Reading IIR as the source of the interrupt resets it.
            _transmitterEmptyPending = false;
            UpdateLine();
        }

        return (byte)(source | (_fifoEnabled ? 0xC0 : 0));
    }

    private byte HighestInterrupt() => this switch
    {
        _ when (_interruptEnable & InterruptLineStatus) != 0 && (_lineErrors & LineErrors) != 0 => 0x06,
        _ when (_interruptEnable & InterruptReceived) != 0 && _received.Count >= Math.Min(_trigger, Capacity) => 0x04,

        // The line is idle as soon as nothing more arrives, so the timeout of four characters is over at once.
        _ when (_interruptEnable & InterruptReceived) != 0 && _received.Count > 0 => 0x0C,
        _ when (_interruptEnable & InterruptTransmitterEmpty) != 0 && _transmitterEmptyPending => 0x02,
        _ when (_interruptEnable & InterruptModemStatus) != 0 && _modemDelta != 0 => 0x00,
        _ => 0x01,
    };

    private void Transmit(byte value)
    {
        if (!IsLoopback)
        {
            endpoint.Send(value);
        }
        else if (_received.Count < Capacity)
        {
            _received.Enqueue(value);
        }
        else
        {
            _lineErrors |= Overrun;
        }

        // The holding register fills (which withdraws the interrupt) and empties again: a new edge.
        _transmitterEmptyPending = false;
        UpdateLine();
        _transmitterEmptyPending = true;
    }

    /// <summary>PC16550D FCR: bit 0 enables the FIFOs, 1 clears the receiver's, bits 7-6 are its trigger level.</summary>
    private void WriteFifoControl(byte value)
    {
        bool enables = (value & 1) != 0;
        bool clears = (value & 2) != 0 || enables != _fifoEnabled;
        if (clears)
        {
            _received.Clear();
        }

        _fifoEnabled = enables;
        _trigger = !enables ? 1 : (value >> 6) switch
        {
            0 => 1,
            1 => 4,
            2 => 8,
            _ => 14,
        };
    }

    private void WriteModemControl(byte value)
    {
        byte before = ModemLines();
        _modemControl = (byte)(value & 0x1F);
        byte after = ModemLines();

        // Delta bits 0-3 for CTS, DSR, RI (trailing edge only), DCD.
        byte changed = (byte)((before ^ after) >> 4);
        bool ringEnded = (before & ~after & 0x40) != 0;
        _modemDelta |= (byte)(changed & 0x0B | (ringEnded ? 4 : 0));
    }

    /// <summary>CTS 4, DSR 5, RI 6, DCD 7. In loopback they are RTS, DTR, OUT1, OUT2 of the modem control register.</summary>
    private byte ModemLines() => !IsLoopback
        ? PeerReady
        : (byte)((_modemControl & 2) << 3 | (_modemControl & 1) << 5 | (_modemControl & 4) << 4 | (_modemControl & 8) << 4);

    /// <summary>INTR is not gated with OUT2, as on a PC/AT: QEMU does not either, and drivers without it work there.</summary>
    private void UpdateLine() => line.Set(HighestInterrupt() != 0x01);
}
