namespace Runtime.Devices.Ethernet;

/// <summary>A 93C46 serial EEPROM, 64 words, read bit by bit (data sheet, table 1): start bit, opcode, six address bits, then sixteen data
/// bits, the highest first. Words are read-only: writes and erasures are taken and do nothing.</summary>
internal sealed class Eeprom93C46(ushort[] words)
{
    private const int AddressBits = 6, CommandBits = 3 + AddressBits, DataBits = 16;
    private const int ReadCommand = 0b110;

    private bool _clock;
    private int _bits;
    private uint _shift;
    private int _dataLeft;

    /// <summary>DO. High while nothing is being read: ready.</summary>
    public bool DataOut { get; private set; } = true;

    /// <summary>Sets the input pins: CS, SK and DI.</summary>
    public void Drive(bool select, bool clock, bool dataIn)
    {
        bool rises = clock && !_clock;
        _clock = clock;
        if (!select)
        {
            (_bits, _dataLeft, DataOut) = (0, 0, true);
            return;
        }

        if (!rises)
        {
            return;
        }

        if (_dataLeft > 0)
        {
            _dataLeft--;
            DataOut = (_shift >> _dataLeft & 1) != 0;
            return;
        }

        // The command begins with the first one bit.
        if (_bits > 0 || dataIn)
        {
            _shift = _shift << 1 | (dataIn ? 1u : 0);
            _bits++;
        }

        if (_bits == CommandBits)
        {
            bool isRead = (_shift >> AddressBits & 7) == ReadCommand;
            uint address = _shift & (1 << AddressBits) - 1;
            _bits = 0;
            _shift = isRead && address < words.Length ? words[address] : (uint)0xFFFF;
            _dataLeft = isRead ? DataBits : 0;
            DataOut = !isRead; // a zero comes before the data
        }
    }
}
