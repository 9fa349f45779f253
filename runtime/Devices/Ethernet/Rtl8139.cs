// A network card that operating systems have known for twenty years: registers here, the two ways of sending and of receiving (buffers of
// the old chip, descriptor rings of the C+) in the other parts.
using Runtime.Devices.Pci;
using Runtime.Memory;
using Runtime.Network;
using Runtime.Time;

namespace Runtime.Devices.Ethernet;

/// <summary>A Realtek RTL8139C+ (data sheet 1.6). Its 256 registers answer at ports and in memory alike.</summary>
public sealed partial class Rtl8139 : IPortDevice
{
    /// <summary>TCR bits 30-26 and 23-22 of a C+, as QEMU has it.</summary>
    private const uint HardwareVersion = 0x7480_0000;

    private const ushort LinkUp = 0x782D; // BMSR: 100 and 10 Mb/s, auto-negotiation able and complete, link
    private const byte MediaStatus = 0x10; // MSR: auxiliary power; the link is not down

    private readonly GuestMemory _memory;
    private readonly GuestPort _port;
    private readonly Eeprom93C46 _eeprom;
    private readonly byte[] _registers = new byte[Rtl8139Register.Length];
    private Rtl8139Command _command;
    private Rtl8139Interrupt _mask;
    private Rtl8139Interrupt _status;

    private Rtl8139(GuestMemory memory, GuestPort port)
    {
        _memory = memory;
        _port = port;
        ushort[] words = new ushort[64];
        (words[0], words[1], words[2]) = (0x8129, 0x10EC, 0x8139);
        Span<byte> address = stackalloc byte[MacAddress.Length];
        port.Address.Write(address);
        for (int i = 0; i < MacAddress.Length; i += 2)
        {
            words[7 + i / 2] = (ushort)(address[i] | address[i + 1] << 8);
        }

        _eeprom = new Eeprom93C46(words);
        Function = new PciFunction(
            new PciIdentity(0x10EC, 0x8139, 0x02_0000, Revision: 0x20, InterruptPin: 1) { SubsystemVendor = 0x10EC, SubsystemDevice = 0x8139 },
            new PciBar(0, Rtl8139Register.Length, false, this),
            new PciBar(1, Rtl8139Register.Length, true, this));
        Reset();
        port.Arrived = ReceiveAll;
        port.Writable = TransmitAll;
    }

    public PciFunction Function { get; }

    private bool IsTransmitterOn => _command.HasFlag(Rtl8139Command.TransmitterEnable) && Function.IsBusMaster;

    private bool IsReceiverOn => _command.HasFlag(Rtl8139Command.ReceiverEnable) && Function.IsBusMaster;

    public static PciFunction Create(GuestMemory memory, GuestPort port) => new Rtl8139(memory, port).Function;

    public int WidestAccess(int offset) => offset % 4 == 0 ? 4 : offset % 2 == 0 ? 2 : 1;

    public uint Read(int offset, int size)
    {
        uint value = 0;
        for (int i = size - 1; i >= 0; i--)
        {
            value = value << 8 | ReadByte(offset + i);
        }

        return value;
    }

    /// <summary>Registers are kept as bytes; what a write sets off, it does once all of its bytes are there.</summary>
    public void Write(int offset, int size, uint value)
    {
        if (offset == Rtl8139Register.Isr || offset == Rtl8139Register.Imr)
        {
            WriteInterrupts(offset, size, value);
            return;
        }

        for (int i = 0; i < size; i++)
        {
            WriteByte(offset + i, (byte)(value >> 8 * i));
        }

        switch (offset)
        {
            case >= Rtl8139Register.Tsd0 and < Rtl8139Register.Tsad0 when !UsesTransmitRing && size == 4:
                TransmitBuffer((offset - Rtl8139Register.Tsd0) / 4);
                break;
            case Rtl8139Register.Dtccr when UsesTransmitRing && size == 4:
                DumpCounters();
                break;
        }
    }

    private ushort Get16(int offset) => BitConverter.ToUInt16(_registers, offset);

    private uint Get32(int offset) => BitConverter.ToUInt32(_registers, offset);

    private void Set16(int offset, ushort value) => BitConverter.TryWriteBytes(_registers.AsSpan(offset), value);

    private void Set32(int offset, uint value) => BitConverter.TryWriteBytes(_registers.AsSpan(offset), value);

    private byte ReadByte(int offset) => offset switch
    {
        Rtl8139Register.Cr => (byte)(_command | (UsesReceiveRing || IsReceiveBufferEmpty ? Rtl8139Command.BufferEmpty : 0)),
        Rtl8139Register.Imr => (byte)_mask,
        Rtl8139Register.Imr + 1 => (byte)((int)_mask >> 8),
        Rtl8139Register.Isr => (byte)_status,
        Rtl8139Register.Isr + 1 => (byte)((int)_status >> 8),
        Rtl8139Register.Cr9346 => (byte)(_registers[offset] & ~1 | (_eeprom.DataOut ? 1 : 0)),
        Rtl8139Register.TpPoll => 0,
        Rtl8139Register.Tsad => (byte)TransmitSummary,
        Rtl8139Register.Tsad + 1 => (byte)(TransmitSummary >> 8),
        _ => _registers[offset],
    };

    private void WriteByte(int offset, byte value)
    {
        switch (offset)
        {
            case Rtl8139Register.Cr:
                WriteCommand((Rtl8139Command)value);
                break;
            case Rtl8139Register.Cr9346:
                _registers[offset] = (byte)(value & 0xCE);
                bool isProgramming = (value & 0xC0) == 0x80;
                _eeprom.Drive(isProgramming && (value & 8) != 0, (value & 4) != 0, (value & 2) != 0);
                break;
            case Rtl8139Register.TpPoll:
                TransmitAll();
                break;
            case >= Rtl8139Register.Tnpds and < Rtl8139Register.Tnpds + 8 when UsesTransmitRing:
                _registers[offset] = value;
                (_transmitIndex, _isGathering) = (0, false);
                break;
            case Rtl8139Register.Bmcr + 1:
                _registers[offset] = (byte)(value & 0x31); // reset and restart of the negotiation end at once
                break;
            case Rtl8139Register.Capr + 1:
                _registers[offset] = value;
                ReceiveAll();
                break;
            case Rtl8139Register.Mpc or Rtl8139Register.Mpc + 1 or Rtl8139Register.Mpc + 2:
                _registers[Rtl8139Register.Mpc] = _registers[Rtl8139Register.Mpc + 1] = _registers[Rtl8139Register.Mpc + 2] = 0;
                break;
            case Rtl8139Register.Cbr or Rtl8139Register.Cbr + 1 or Rtl8139Register.Msr or Rtl8139Register.RevisionId:
            case >= Rtl8139Register.Bmsr and < Rtl8139Register.Bmsr + 2 or >= Rtl8139Register.Anlpar and < Rtl8139Register.Aner + 2:
            case Rtl8139Register.Tcr + 2 or Rtl8139Register.Tcr + 3:
                break; // read-only
            case >= Rtl8139Register.Rdsar and < Rtl8139Register.Rdsar + 8:
                _registers[offset] = value;
                _receiveIndex = 0;
                break;
            default:
                _registers[offset] = value;
                break;
        }
    }

    private void WriteCommand(Rtl8139Command value)
    {
        if (value.HasFlag(Rtl8139Command.Reset))
        {
            Reset();
            return;
        }

        _command = value & (Rtl8139Command.TransmitterEnable | Rtl8139Command.ReceiverEnable);
        ReceiveAll();
    }

    /// <summary>A 16-bit pair; a dword reaches both.</summary>
    private void WriteInterrupts(int offset, int size, uint value)
    {
        if (offset == Rtl8139Register.Imr)
        {
            _mask = (Rtl8139Interrupt)(ushort)(size == 1 ? (uint)_mask & 0xFF00 | value : value);
            value >>= 16;
        }

        if (offset == Rtl8139Register.Isr || size == 4)
        {
            _status &= ~(Rtl8139Interrupt)value;
        }

        UpdateInterrupt();
        ReceiveAll(); // a driver that comes here has looked at its buffers
    }

    private void Raise(Rtl8139Interrupt events)
    {
        _status |= events;
        UpdateInterrupt();
    }

    private void UpdateInterrupt() => Function.Interrupt?.Set((_status & _mask) != 0);

    private void Reset()
    {
        Array.Clear(_registers);
        Span<byte> address = stackalloc byte[MacAddress.Length];
        _port.Address.Write(address);
        address.CopyTo(_registers.AsSpan(Rtl8139Register.Idr0));
        Set32(Rtl8139Register.Tcr, HardwareVersion);
        _registers[Rtl8139Register.Msr] = MediaStatus;
        _registers[Rtl8139Register.RevisionId] = 0x10;
        _registers[Rtl8139Register.Config1] = 0x0C;
        Set16(Rtl8139Register.Bmcr, 0x3100); // auto-negotiation, 100 Mb/s, full duplex
        Set16(Rtl8139Register.Bmsr, LinkUp);
        Set16(Rtl8139Register.Anar, 0x01E1);
        Set16(Rtl8139Register.Anlpar, 0x45E1);
        Set16(Rtl8139Register.Aner, 0x0001);
        Set16(Rtl8139Register.Capr, 0xFFF0);
        (_command, _mask, _status) = (default, Rtl8139Interrupt.None, Rtl8139Interrupt.None);
        ResetTransmitter();
        ResetReceiver();
        UpdateInterrupt();
    }
}
