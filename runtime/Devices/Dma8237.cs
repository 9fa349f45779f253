namespace Runtime.Devices;

/// <summary>An 8237A that never transfers anything, for kernels that initialize or probe it. Registers: offsets 0-7 address and count of four
/// channels, 8-15 control; a 16-bit controller has them two ports apart.</summary>
/// <param name="portShift">0 for the first controller, 1 for the second.</param>
public sealed class Dma8237(int portShift) : IPortDevice
{
    private const int Status = 8, ClearFlipFlop = 12, MasterClear = 13, ClearMask = 14, MaskAll = 15, SingleMask = 10;
    private readonly ushort[] _words = new ushort[8];
    private bool _isHighByte;
    private byte _mask = 0xF;

    public uint Read(int offset, int size)
    {
        int register = offset >> portShift;
        return register switch
        {
            < 8 => ReadWord(register),
            Status => 0, // no request, nothing at terminal count
            MaskAll => (uint)(_mask | 0xF0),
            _ => 0,
        };
    }

    public void Write(int offset, int size, uint value)
    {
        int register = offset >> portShift;
        switch (register)
        {
            case < 8:
                WriteWord(register, (byte)value);
                break;
            case SingleMask:
                byte bit = (byte)(1 << (int)(value & 3));
                _mask = (byte)((value & 4) != 0 ? _mask | bit : _mask & ~bit);
                break;
            case ClearFlipFlop:
                _isHighByte = false;
                break;
            case MasterClear:
                _isHighByte = false;
                _mask = 0xF;
                break;
            case ClearMask:
                _mask = 0;
                break;
            case MaskAll:
                _mask = (byte)(value & 0xF);
                break;
            default:
                break; // command, request and mode have no effect without a transfer
        }
    }

    private byte ReadWord(int register)
    {
        int shift = _isHighByte ? 8 : 0;
        _isHighByte = !_isHighByte;
        return (byte)(_words[register] >> shift);
    }

    private void WriteWord(int register, byte value)
    {
        _words[register] = (ushort)(_isHighByte ? _words[register] & 0x00FF | value << 8 : _words[register] & 0xFF00 | value);
        _isHighByte = !_isHighByte;
    }
}
