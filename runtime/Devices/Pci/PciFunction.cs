// One function of a PCI device: 256 bytes of configuration space, what of it the guest may write, and where its registers answer. Devices
// make one and put what is special about them into it; the bus knows nothing else of them.
using System.Buffers.Binary;

namespace Runtime.Devices.Pci;

/// <summary>The read-only head of a configuration space.</summary>
/// <param name="ClassCode">Class, subclass and programming interface, 24 bits.</param>
/// <param name="InterruptPin">1-4 for INTA# to INTD#, 0 for none.</param>
public sealed record PciIdentity(ushort Vendor, ushort Device, uint ClassCode, byte Revision = 0, byte InterruptPin = 0)
{
    public ushort SubsystemVendor { get; init; }

    public ushort SubsystemDevice { get; init; }

    public bool IsMultiFunction { get; init; }
}

/// <summary>The configuration space of a function with a type 0 header (PCI 2.2, 6.1).</summary>
public sealed class PciFunction
{
    public const int ConfigLength = 256;
    public const int Command = 0x04, Status = 0x06, HeaderType = 0x0E, InterruptLineRegister = 0x3C;
    private const ushort IoDecode = 1, MemoryDecode = 2, BusMaster = 4, InterruptDisable = 0x400;

    private readonly byte[] _space = new byte[ConfigLength];
    private readonly byte[] _writable = new byte[ConfigLength];

    public PciFunction(PciIdentity identity, params PciBar[] bars)
    {
        Bars = bars;
        Set16(0x00, identity.Vendor);
        Set16(0x02, identity.Device);
        Set32(0x08, identity.ClassCode << 8 | identity.Revision);
        Set8(HeaderType, (byte)(identity.IsMultiFunction ? 0x80 : 0));
        Set16(0x2C, identity.SubsystemVendor);
        Set16(0x2E, identity.SubsystemDevice);
        Set8(0x3D, identity.InterruptPin);
        Permit(Command, IoDecode | MemoryDecode | BusMaster | InterruptDisable, 2);
        Permit(0x0C, 0xFFFF, 2); // cache line size, latency timer: without effect
        Permit(InterruptLineRegister, 0xFF, 1); // a note of the BIOS for the system
        foreach (PciBar bar in bars)
        {
            Set32(bar.Register, bar.IsMemory ? 0u : 1u);
            Permit(bar.Register, bar.AddressMask, 4);
        }
    }

    /// <summary>After a write: the offset of its first byte.</summary>
    public event Action<int>? Written;

    public IReadOnlyList<PciBar> Bars { get; }

    /// <summary>INTA# to INTD# of the slot; null while it is in none. A line with nowhere to go when there is no pin.</summary>
    public InterruptLine? Interrupt { get; internal set; }

    /// <summary>The guest lets this function read and write memory by itself.</summary>
    public bool IsBusMaster => (Get16(Command) & BusMaster) != 0;

    public bool InterruptsDisabled => (Get16(Command) & InterruptDisable) != 0;

    public byte InterruptPin => _space[0x3D];

    /// <summary>Where a range answers now, or null: not decoded, or not assigned (zero).</summary>
    public uint? AddressOf(PciBar bar)
    {
        uint address = Get32(bar.Register) & bar.AddressMask;
        bool isDecoded = (Get16(Command) & (bar.IsMemory ? MemoryDecode : IoDecode)) != 0;
        return isDecoded && address != 0 ? address : null;
    }

    /// <param name="offset">Of the first byte; the access lies in one dword.</param>
    public uint ReadConfig(int offset, int size)
    {
        uint value = 0;
        for (int i = 0; i < size; i++)
        {
            value |= (uint)_space[offset + i] << 8 * i;
        }

        return value;
    }

    /// <inheritdoc cref="ReadConfig"/>
    public void WriteConfig(int offset, int size, uint value)
    {
        for (int i = 0; i < size; i++, value >>= 8)
        {
            byte mask = _writable[offset + i];
            _space[offset + i] = (byte)(_space[offset + i] & ~mask | (byte)value & mask);
        }

        Written?.Invoke(offset);
    }

    public ushort Get16(int offset) => BinaryPrimitives.ReadUInt16LittleEndian(_space.AsSpan(offset));

    public uint Get32(int offset) => BinaryPrimitives.ReadUInt32LittleEndian(_space.AsSpan(offset));

    public void Set8(int offset, byte value) => _space[offset] = value;

    public void Set16(int offset, ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(_space.AsSpan(offset), value);

    public void Set32(int offset, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(_space.AsSpan(offset), value);

    /// <summary>Lets the guest change the bits of <paramref name="mask"/>, little-endian from <paramref name="offset"/>.</summary>
    public void Permit(int offset, uint mask, int size)
    {
        for (int i = 0; i < size; i++)
        {
            _writable[offset + i] |= (byte)(mask >> 8 * i);
        }
    }
}
